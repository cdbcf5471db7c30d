// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, IEscrow, Voucher} from "../../src/IEscrow.sol";
import {Lane, World} from "./World.sol";

/// @notice Holds `redeemPacked`, which hashes and recovers in assembly, to `redeemMany`, which does not: for any records,
///         real, changed or made up, both return or revert with the same bytes, emit the same events and leave the same
///         state. Before the assembly is changed: forge test --match-test PackedIsTyped --fuzz-runs 1000000
contract PackedTest is World {
    uint256 private constant LANES = 4;
    uint256 private constant RECORDS = 3;
    uint256 private constant RECORD = 120;

    /// @dev Different in payer and signer, which a record names, and in how far they have come.
    Lane[LANES] private _lanes;

    function setUp() external {
        for (uint256 i = 0; i < LANES; ++i) {
            _lanes[i] = _lane();
            if (i % 2 == 1) _lanes[i].signer = spare;
            if (i / 2 == 1) _lanes[i].payer = vault;
        }
        _openWith(_lanes[0], 1000, 0);
        _openWith(_lanes[1], 1000, 400);
        _openWith(_lanes[2], type(uint96).max, 1 << 95);
        _openWith(_lanes[3], 500, 0);
        (bytes32 r, bytes32 vs) = _consent(_lanes[3], rig, 0, 500);
        _must(vault, _closeByPayer(_lanes[3], 500, r, vs, false));
        _openWith(_lanes[3], 1000, 1);
        _must(alice, abi.encodeCall(IEscrow.requestClose, (farm, rig, session, address(usd))));
    }

    /// @param draws What each record is: which channel, epoch and sum, and what was changed after signing.
    /// @param payee Sometimes another than the vouchers are for.
    function testFuzz_PackedIsTyped(uint256[RECORDS] memory draws, uint256 count, address payee, bool payout) external {
        count %= RECORDS + 1;
        if (uint160(payee) % 16 != 0) payee = farm;
        bytes memory records;
        Voucher[] memory vouchers = new Voucher[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes memory record = _draw(draws[i]);
            records = bytes.concat(records, record);
            vouchers[i] = _read(record);
        }
        uint256 start = vm.snapshotState();
        bytes32 typed =
            _outcome(abi.encodeCall(IEscrow.redeemMany, (payee, rig, address(usd), vouchers, payout)), payee);
        vm.revertToState(start);
        bytes32 packed =
            _outcome(abi.encodeCall(IEscrow.redeemPacked, (payee, rig, address(usd), records, payout)), payee);
        vm.assertEq(packed, typed, "packed differs from typed");
    }

    /// @dev One record in 16 is random throughout. Of the others every fourth is changed in one bit after signing, and
    ///      every fourth has the other form of its signature, as far as 255 bits can hold that.
    function _draw(uint256 draw) private view returns (bytes memory record) {
        uint256 kind = draw & 0xff;
        bytes32 noise = keccak256(abi.encode(draw));
        if (kind % 16 == 0) {
            return abi.encodePacked(noise, keccak256(abi.encode(noise)), ~noise, bytes24(noise));
        }
        Lane memory l = _lanes[(draw >> 8) % LANES];
        uint32 epoch = (draw >> 16) % 8 == 0 ? uint32(draw >> 24) % 3 : escrow.channel(_id(l)).epoch;
        uint96 sum = uint96(draw >> 64);
        if ((draw >> 56) % 8 != 0) sum %= 1200; // else any at all
        if (l.payer == vault && l.signer == session) sum |= 1 << 95;
        Voucher memory v = _voucher(l, epoch, sum);
        if (kind % 4 == 1) {
            uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
            v.vs = bytes32(order - (uint256(v.vs) & uint256(type(int256).max)) | (uint256(~v.vs) >> 255 << 255));
        }
        record = _packed(v);
        if (kind % 4 == 2) {
            uint256 bit = uint256(noise) % (RECORD * 8);
            record[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        }
    }

    function _read(bytes memory record) private view returns (Voucher memory v) {
        return this.unpack(record);
    }

    function unpack(bytes calldata b) external pure returns (Voucher memory) {
        return Voucher({
            payer: address(bytes20(b[0:20])),
            signer: address(bytes20(b[20:40])),
            epoch: uint32(bytes4(b[40:44])),
            cumulative: uint96(bytes12(b[44:56])),
            r: bytes32(b[56:88]),
            vs: bytes32(b[88:120])
        });
    }

    /// @dev All that a call leaves behind.
    function _outcome(bytes memory data, address payee) private returns (bytes32 digest) {
        vm.recordLogs();
        (bool ok, bytes memory out) = _call(mallory, 0, data);
        digest = keccak256(abi.encode(ok, out, vm.getRecordedLogs()));
        for (uint256 i = 0; i < LANES; ++i) {
            digest = keccak256(abi.encode(digest, escrow.channel(_id(_lanes[i]))));
        }
        return keccak256(
            abi.encode(
                digest, escrow.balanceOf(payee, address(usd)), usd.balanceOf(payee), usd.balanceOf(address(escrow))
            )
        );
    }
}

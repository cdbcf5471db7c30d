// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, IEscrow, Voucher} from "../../src/IEscrow.sol";
import {Lane, World} from "./World.sol";

/// @notice Vouchers: what they pay, what they are refused for, and their packed form.
contract RedeemTest is World {
    uint256 private constant RECORD = 120;
    /// @dev The order of secp256k1.
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function testFuzz_PaysWhatIsGrantedAndHeldOnce(uint96 funded, uint96[4] memory sums, bool payout) external {
        funded = uint96(_between(funded, 1, type(uint96).max));
        Lane memory l = _lane();
        _fund(l, funded);
        uint256 top;
        for (uint256 i = 0; i < sums.length; ++i) {
            _redeem(l, _voucher(l, 0, sums[i]), payout);
            if (sums[i] > top) top = sums[i];
            uint256 granted = top < funded ? top : funded;
            vm.assertEq(_holding(farm, address(usd)), granted, "not what is granted and held");
        }
    }

    function testFuzz_DigestsAreThoseOfTheSpecification(Lane memory l, uint32 epoch, uint96 sum, uint64 chain)
        external
    {
        vm.chainId(_between(chain, 1, type(uint64).max - 1));
        bytes32 id = escrow.channelId(l.payer, l.signer, l.payee, l.operator, l.token);
        vm.assertEq(id, _id(l), "channel id");
        bytes32 want = _typed(block.chainid, address(escrow), _voucherHash(l, epoch, sum));
        vm.assertEq(escrow.voucherDigest(id, epoch, sum), want, "voucher");
        bytes32 close = keccak256("Close(bytes32 channelId,uint32 epoch,uint96 finalCumulative)");
        want = _typed(block.chainid, address(escrow), keccak256(abi.encode(close, id, epoch, sum)));
        vm.assertEq(escrow.closeDigest(id, epoch, sum), want, "close");
    }

    function testFuzz_VoucherStopsCountingWhenTheChainForks(uint64 chain) external {
        if (chain == 0 || chain == block.chainid || chain == type(uint64).max) return;
        Lane memory l = _lane();
        _fund(l, 100);
        Voucher memory v = _voucher(l, 0, 50);
        vm.chainId(chain);
        _mustFail(farm, _one(l, v), IEscrow.BadSignature.selector);
        _redeem(l, _voucher(l, 0, 50), false);
        vm.assertEq(escrow.balanceOf(farm, address(usd)), 50, "a voucher of the new chain counts");
    }

    function testFuzz_OtherFormOfASignatureIsRefused(uint96 sum, bool bit) external {
        Lane memory l = _lane();
        _fund(l, 100);
        Voucher memory v = _voucher(l, 0, uint96(_between(sum, 1, 100)));
        uint256 s = uint256(v.vs) & uint256(type(int256).max);
        v.vs = bytes32(ORDER - s & uint256(type(int256).max) | (bit ? 1 << 255 : 0));
        _mustFail(farm, _one(l, v), IEscrow.BadSignature.selector);
    }

    function testFuzz_GarbageForASignatureIsRefused(bytes32 r, bytes32 vs) external {
        Lane memory l = _lane();
        _fund(l, 100);
        Voucher memory v = _voucher(l, 0, 50);
        (v.r, v.vs) = (r, vs);
        _mustFail(farm, _one(l, v), IEscrow.BadSignature.selector);
        // A recovery that fails must not count as the signature of nobody.
        l.signer = address(0);
        v.signer = address(0);
        bytes memory data = abi.encodeCall(IEscrow.fund, (l.payee, l.operator, l.signer, l.token, 1));
        _deposit(alice, address(usd), 1);
        _mustFail(alice, data, IEscrow.ZeroAddress.selector);
    }

    function testFuzz_FlippedBitPaysNothing(uint256 bit) external {
        Lane memory l = _lane();
        _fund(l, 100);
        bytes memory records = _packed(_voucher(l, 0, 60));
        bit %= RECORD * 8;
        records[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        (bool ok,) = _call(mallory, 0, _pack(l, records));
        vm.assertEq(_holding(farm, address(usd)), 0, "a voucher that nobody signed paid");
        // Another payer, signer or epoch names a channel that has nothing: no error, no money. The rest is an error.
        vm.assertTrue(ok == (bit / 8 < 44), "which bits are an error");
    }

    function testFuzz_PackedReadsEveryFieldAsTyped(Voucher[] memory vouchers, uint256 real, uint96 sum, bool payout)
        external
    {
        Lane memory l = _lane();
        _fund(l, 100);
        if (vouchers.length > 8) {
            assembly ("memory-safe") {
                mstore(vouchers, 8)
            }
        }
        // One among the random ones that pays, sometimes followed by itself.
        if (vouchers.length != 0) vouchers[real % vouchers.length] = _voucher(l, 0, uint96(sum % 150));
        if (vouchers.length > 1) vouchers[0] = vouchers[vouchers.length - 1];
        bytes memory records;
        for (uint256 i = 0; i < vouchers.length; ++i) {
            records = bytes.concat(records, _packed(vouchers[i]));
        }
        _same(l, vouchers, records, payout);
    }

    function testFuzz_PackedFailsAtTheSameIndex(uint256 bad, uint256 n, bytes32 r) external {
        n = _between(n, 1, 6);
        bad %= n;
        Lane memory l = _lane();
        _fund(l, 100);
        Voucher[] memory vouchers = new Voucher[](n);
        bytes memory records;
        for (uint256 i = 0; i < n; ++i) {
            vouchers[i] = _voucher(l, 0, uint96(10 * (i + 1)));
            if (i == bad) vouchers[i].r = r;
            records = bytes.concat(records, _packed(vouchers[i]));
        }
        bytes memory reason = abi.encodeWithSelector(IEscrow.BadSignature.selector, bad);
        (, bytes memory out) = _call(farm, 0, _pack(l, records));
        vm.assertEq(keccak256(out), keccak256(reason), "names the bad one");
        _same(l, vouchers, records, false);
    }

    function testFuzz_PackedOfAnotherLengthIsRefused(bytes memory records) external {
        Lane memory l = _lane();
        if (records.length % RECORD == 0) {
            _must(farm, _pack(l, records));
        } else {
            _mustFail(farm, _pack(l, records), IEscrow.BadLength.selector);
        }
    }

    /// @dev Typed and packed end alike: in what they return or revert with, and in the state.
    function _same(Lane memory l, Voucher[] memory vouchers, bytes memory records, bool payout) private {
        uint256 start = vm.snapshotState();
        bytes memory data = abi.encodeCall(IEscrow.redeemMany, (l.payee, l.operator, l.token, vouchers, payout));
        (bool typedOk, bytes memory typedOut) = _call(farm, 0, data);
        bytes32 typed = _state(l);
        vm.revertToState(start);
        data = abi.encodeCall(IEscrow.redeemPacked, (l.payee, l.operator, l.token, records, payout));
        (bool packedOk, bytes memory packedOut) = _call(farm, 0, data);
        vm.assertTrue(typedOk == packedOk, "one fails and the other does not");
        vm.assertEq(keccak256(typedOut), keccak256(packedOut), "another result");
        vm.assertEq(typed, _state(l), "another state");
    }

    function _state(Lane memory l) private view returns (bytes32) {
        Channel memory ch = escrow.channel(_id(l));
        return keccak256(abi.encode(ch, escrow.balanceOf(l.payee, l.token), _wallet(l.payee, l.token)));
    }

    function _one(Lane memory l, Voucher memory v) private pure returns (bytes memory) {
        return abi.encodeCall(IEscrow.redeem, (l.payee, l.operator, l.token, v, false));
    }

    function _pack(Lane memory l, bytes memory records) private pure returns (bytes memory) {
        return abi.encodeCall(IEscrow.redeemPacked, (l.payee, l.operator, l.token, records, false));
    }

    function _redeem(Lane memory l, Voucher memory v, bool payout) private {
        _must(mallory, abi.encodeCall(IEscrow.redeem, (l.payee, l.operator, l.token, v, payout)));
    }
}

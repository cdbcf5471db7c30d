// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEscrow, Voucher} from "../../src/IEscrow.sol";
import {Handler} from "./Handler.sol";
import {Lane} from "./World.sol";

/// @notice Many vouchers of one payee, operator and token: one by one, typed and packed, in three orders.
abstract contract Batches is Handler {
    uint256 private constant MOST = 6;

    /// @dev The lanes of farm, rig and usd.
    uint256[4] private _group = [0, 1, 2, 7];

    function redeemBatch(uint256 seed, bool payout) external watched {
        for (uint256 i = 0; i < 2; ++i) {
            _sign(_group[(seed >> i) % 4], seed >> (8 * i));
        }
        Promise[] memory batch = _choose(seed);
        if (usd.blocked(farm)) payout = false;

        uint256 start = vm.snapshotState();
        uint256[] memory got = _singly(batch, payout);
        bytes32 singly = _state();
        vm.revertToState(start);
        start = vm.snapshotState();
        uint256 typedPaid = _typedInReverse(batch, payout);
        bytes32 typed = _state();
        vm.revertToState(start);
        uint256 packedPaid = _packedRotated(batch, payout, seed);

        uint256 sum;
        for (uint256 i = 0; i < batch.length; ++i) {
            paid[batch[i].lane][batch[i].voucher.epoch] += got[i];
            sum += got[i];
        }
        if (typed != singly) _breach(9, "typed differs from one by one");
        if (_state() != singly) _breach(9, "packed differs from one by one");
        if (typedPaid != sum || packedPaid != sum) _breach(9, "a batch reports another sum");
    }

    /// @dev Any of the group's vouchers: stale ones and duplicates too.
    function _choose(uint256 seed) private view returns (Promise[] memory batch) {
        batch = new Promise[](MOST);
        uint256 n;
        uint256 start = seed % _promises.length;
        for (uint256 i = 0; i < _promises.length && n < MOST; ++i) {
            Promise memory p = _promises[(start + i) % _promises.length];
            if (p.lane != 0 && p.lane != 1 && p.lane != 2 && p.lane != 7) continue;
            batch[n++] = p;
            if (seed >> 200 & 1 == 1 && n < MOST) batch[n++] = p;
        }
        assembly ("memory-safe") {
            mstore(batch, n)
        }
    }

    function _singly(Promise[] memory batch, bool payout) private returns (uint256[] memory got) {
        got = new uint256[](batch.length);
        for (uint256 i = 0; i < batch.length; ++i) {
            uint256 before = _holding(farm, address(usd));
            _must(mallory, abi.encodeCall(IEscrow.redeem, (farm, rig, address(usd), batch[i].voucher, payout)));
            got[i] = _holding(farm, address(usd)) - before;
        }
    }

    function _typedInReverse(Promise[] memory batch, bool payout) private returns (uint256) {
        Voucher[] memory vouchers = new Voucher[](batch.length);
        for (uint256 i = 0; i < batch.length; ++i) {
            vouchers[batch.length - 1 - i] = batch[i].voucher;
        }
        bytes memory out =
            _must(mallory, abi.encodeCall(IEscrow.redeemMany, (farm, rig, address(usd), vouchers, payout)));
        return abi.decode(out, (uint256));
    }

    function _packedRotated(Promise[] memory batch, bool payout, uint256 by) private returns (uint256) {
        bytes memory records;
        for (uint256 i = 0; i < batch.length; ++i) {
            records = bytes.concat(records, _packed(batch[(i + by % batch.length) % batch.length].voucher));
        }
        bytes memory out =
            _must(mallory, abi.encodeCall(IEscrow.redeemPacked, (farm, rig, address(usd), records, payout)));
        return abi.decode(out, (uint256));
    }

    function _state() private view returns (bytes32 digest) {
        for (uint256 i = 0; i < LANES; ++i) {
            digest = keccak256(abi.encode(digest, _channel(i)));
        }
        address[10] memory everybody = _everybody();
        for (uint256 i = 0; i < everybody.length; ++i) {
            digest = keccak256(
                abi.encode(digest, _wallet(everybody[i], address(usd)), escrow.balanceOf(everybody[i], address(usd)))
            );
        }
    }
}

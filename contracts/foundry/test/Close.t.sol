// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, IEscrow, Voucher} from "../../src/IEscrow.sol";
import {BlockingToken} from "../../test/sol/BlockingToken.sol";
import {Caller} from "../../test/sol/Caller.sol";
import {Lane, World} from "./World.sol";

/// @notice The four ways in which a channel ends, and what is void afterwards.
contract CloseTest is World {
    function testFuzz_GraceEndsToTheSecond(uint256 wait, uint96 funded, uint96 claimed, bool payout) external {
        Lane memory l = _lane();
        (funded, claimed) = _sums(funded, claimed);
        _openWith(l, funded, claimed);
        bytes memory finalize = abi.encodeCall(IEscrow.finalizeClose, (l.payee, l.operator, l.signer, l.token, payout));
        _mustFail(alice, finalize, IEscrow.NotClosing.selector);
        _must(alice, abi.encodeCall(IEscrow.requestClose, (l.payee, l.operator, l.signer, l.token)));
        uint256 end = block.timestamp + GRACE;
        wait = _between(wait, 0, 2 * uint256(GRACE));
        vm.warp(block.timestamp + wait);
        if (block.timestamp < end) {
            _mustFail(alice, finalize, IEscrow.TooEarly.selector);
            vm.warp(end - 1);
            _mustFail(alice, finalize, IEscrow.TooEarly.selector);
            vm.warp(end);
        }
        _must(alice, finalize);
        _ended(l, funded - claimed, claimed);
        vm.assertEq(_wallet(alice, address(usd)), payout ? funded - claimed : 0, "wallet or account");
    }

    function testFuzz_VouchersCountUntilTheEndOfTheGrace(uint96 funded, uint96 sum, uint256 wait) external {
        Lane memory l = _lane();
        (funded, sum) = _sums(funded, sum);
        _fund(l, funded);
        _must(alice, abi.encodeCall(IEscrow.requestClose, (l.payee, l.operator, l.signer, l.token)));
        vm.warp(block.timestamp + wait % (2 * uint256(GRACE)));
        _must(farm, abi.encodeCall(IEscrow.redeem, (farm, rig, l.token, _voucher(l, 0, sum), false)));
        vm.assertEq(escrow.balanceOf(farm, address(usd)), sum, "paid while closing");
    }

    function testFuzz_MoneyCancelsAClose(uint96 more) external {
        Lane memory l = _lane();
        _fund(l, 100);
        _must(alice, abi.encodeCall(IEscrow.requestClose, (l.payee, l.operator, l.signer, l.token)));
        vm.warp(block.timestamp + GRACE);
        _fund(l, uint96(_between(more, 1, 1e12)));
        bytes memory finalize = abi.encodeCall(IEscrow.finalizeClose, (l.payee, l.operator, l.signer, l.token, false));
        _mustFail(alice, finalize, IEscrow.NotClosing.selector);
    }

    function testFuzz_AskingAgainMovesNothing(uint256 wait) external {
        Lane memory l = _lane();
        _fund(l, 100);
        bytes memory request = abi.encodeCall(IEscrow.requestClose, (l.payee, l.operator, l.signer, l.token));
        _mustFail(mallory, request, IEscrow.NotOpen.selector);
        _must(alice, request);
        uint256 end = block.timestamp + GRACE;
        vm.warp(block.timestamp + wait % (2 * uint256(GRACE)));
        _mustFail(alice, request, IEscrow.AlreadyClosing.selector);
        vm.assertEq(escrow.channel(_id(l)).closesAt, end, "the end of the grace");
    }

    function testFuzz_PayerEndsItWithTheOperator(uint96 funded, uint96 claimed, uint96 last, bool payout) external {
        Lane memory l = _lane();
        (funded, claimed) = _sums(funded, claimed);
        _openWith(l, funded, claimed);
        (bytes32 r, bytes32 vs) = _consent(l, rig, 0, last);
        bytes memory data = _closeByPayer(l, last, r, vs, payout);
        if (last < claimed || last > funded) {
            _mustFail(alice, data, IEscrow.BadCumulative.selector);
            return;
        }
        _mustFail(mallory, data, IEscrow.NotOpen.selector);
        _must(alice, data);
        _ended(l, funded - last, last);
        vm.assertEq(_wallet(farm, address(usd)), 0, "the payee is credited, never sent to");
        _mustFail(alice, data, IEscrow.NotOpen.selector);
    }

    function testFuzz_PayeeEndsItWithAVoucher(uint96 funded, uint96 claimed, uint96 sum, bool operator, bool payout)
        external
    {
        Lane memory l = _lane();
        (funded, claimed) = _sums(funded, claimed);
        _openWith(l, funded, claimed);
        bytes memory data = abi.encodeCall(IEscrow.closeByPayee, (farm, rig, l.token, _voucher(l, 0, sum), payout));
        _mustFail(alice, data, IEscrow.NotPayeeOrOperator.selector);
        _must(operator ? rig : farm, data);
        uint96 last = sum > funded ? funded : sum > claimed ? sum : claimed;
        _ended(l, funded - last, last);
        vm.assertEq(_wallet(alice, address(usd)), 0, "the payer is credited, never sent to");
    }

    function testFuzz_NothingOfAnEpochCountsInTheNext(uint96 sum, uint96 again, uint8 closes) external {
        Lane memory l = _lane();
        sum = uint96(_between(sum, 1, type(uint64).max));
        again = uint96(_between(again, 1, type(uint64).max));
        uint32 epoch = uint32(_between(closes, 1, 4));
        for (uint32 e = 0; e < epoch; ++e) {
            _fund(l, sum);
            (bytes32 r0, bytes32 vs0) = _consent(l, rig, e, 0);
            _must(alice, _closeByPayer(l, 0, r0, vs0, false));
        }
        _fund(l, again);
        Voucher memory old = _voucher(l, epoch - 1, sum);
        _must(farm, abi.encodeCall(IEscrow.redeem, (farm, rig, l.token, old, false)));
        _must(farm, abi.encodeCall(IEscrow.redeemPacked, (farm, rig, l.token, _packed(old), false)));
        vm.assertEq(_holding(farm, address(usd)), 0, "an old voucher paid");
        bytes memory data = abi.encodeCall(IEscrow.closeByPayee, (farm, rig, l.token, old, false));
        _mustFail(farm, data, IEscrow.BadEpoch.selector);
        (bytes32 r, bytes32 vs) = _consent(l, rig, epoch - 1, 0);
        _mustFail(alice, _closeByPayer(l, 0, r, vs, false), IEscrow.BadConsent.selector);
        Channel memory ch = escrow.channel(_id(l));
        vm.assertTrue(ch.epoch == epoch && ch.funded == again && ch.claimed == 0, "the new epoch is untouched");
    }

    function testFuzz_RefusingRecipientLosesNothingAndBlocksNobody(uint96 funded, uint96 sum, bool native) external {
        Lane memory l = Lane(vault, session, pool, rig, native ? NATIVE : address(usd));
        funded = uint96(_between(funded, 3, 1e24));
        sum = uint96(_between(sum, 1, funded - 2));
        _openWith(l, funded, sum);
        if (native) {
            Caller(payable(vault)).setRefusing(true);
            Caller(payable(pool)).setRefusing(true);
        } else {
            usd.setBlocked(vault, true);
            usd.setBlocked(pool, true);
        }
        bytes4 no = native ? IEscrow.NativeTransferFailed.selector : BlockingToken.Blocked.selector;
        _mustFail(pool, abi.encodeCall(IEscrow.withdraw, (l.token, pool, sum)), no);
        Voucher memory v = _voucher(l, 0, sum + 1);
        _mustFail(pool, abi.encodeCall(IEscrow.redeem, (pool, rig, l.token, v, true)), no);
        _mustFail(pool, abi.encodeCall(IEscrow.closeByPayee, (pool, rig, l.token, v, true)), no);
        (bytes32 r, bytes32 vs) = _consent(l, rig, 0, sum + 1);
        _mustFail(vault, _closeByPayer(l, sum + 1, r, vs, true), no);
        uint256 start = vm.snapshotState();
        _must(vault, _closeByPayer(l, sum + 1, r, vs, false));
        _ended(l, funded - sum - 1, uint256(sum) + 1);
        vm.revertToState(start);
        _must(rig, abi.encodeCall(IEscrow.closeByPayee, (pool, rig, l.token, v, false)));
        _ended(l, funded - sum - 1, uint256(sum) + 1);
        _must(pool, abi.encodeCall(IEscrow.withdraw, (l.token, farm, sum)));
        vm.assertEq(_wallet(farm, l.token), sum, "sent elsewhere");
    }

    function _sums(uint96 funded, uint96 claimed) private pure returns (uint96, uint96) {
        funded = uint96(_between(funded, 1, type(uint96).max));
        return (funded, uint96(_between(claimed, 0, funded)));
    }

    function _ended(Lane memory l, uint256 refunded, uint256 earned) private view {
        vm.assertEq(_holding(l.payer, l.token), refunded, "the payer's rest");
        vm.assertEq(_holding(l.payee, l.token), earned, "the payee's part");
        Channel memory ch = escrow.channel(_id(l));
        vm.assertTrue(ch.epoch == 1 && ch.funded == 0 && ch.claimed == 0 && ch.closesAt == 0, "the next epoch");
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommitteeArbiter, Signature, Verdict} from "../../src/CommitteeArbiter.sol";
import {Bond, IEscrow} from "../../src/IEscrow.sol";
import {World} from "./World.sol";

/// @notice Bonds, and the committee that may take them.
contract BondsTest is World {
    address private immutable _judge = _person("judge");

    function testFuzz_ReleaseComesAPeriodAfterTheLastUnbond(uint96 amount, uint96 first, uint96 second, uint256 wait)
        external
    {
        amount = uint96(_between(amount, 2, type(uint96).max));
        first = uint96(_between(first, 1, amount - 1));
        second = uint96(_between(second, 1, amount - first));
        wait = _between(wait, 0, 3 * uint256(UNBOND_PERIOD));
        _bond(_judge, amount);
        _unbond(first);
        vm.warp(block.timestamp + wait);
        _unbond(second);
        uint256 free = block.timestamp + UNBOND_PERIOD;
        bytes memory release = abi.encodeCall(IEscrow.releaseBond, (rig, address(usd), _judge));
        _mustFail(alice, release, IEscrow.TooEarly.selector);
        vm.warp(free - 1);
        _mustFail(alice, release, IEscrow.TooEarly.selector);
        vm.warp(free);
        _mustFail(mallory, release, IEscrow.NothingBonded.selector);
        _must(alice, release);
        vm.assertEq(escrow.balanceOf(alice, address(usd)), uint256(first) + second, "what was unbonded");
        _holds(_judge, amount - first - second, 0, 0);
        _mustFail(alice, release, IEscrow.NothingBonded.selector);
    }

    function testFuzz_SlashTakesWhatLeavesFirst(uint96 amount, uint96 leaving, uint96 taken) external {
        amount = uint96(_between(amount, 1, type(uint96).max));
        leaving = uint96(_between(leaving, 0, amount));
        if (taken == 0) taken = 1;
        _bond(_judge, amount);
        if (leaving != 0) _unbond(leaving);
        bytes memory data = abi.encodeCall(IEscrow.slash, (alice, rig, address(usd), taken, farm, "case"));
        address[4] memory others = [alice, rig, farm, mallory];
        for (uint256 i = 0; i < 4; ++i) {
            _mustFail(others[i], data, IEscrow.NothingBonded.selector);
        }
        _must(_judge, data);
        uint96 got = taken < amount ? taken : amount;
        vm.assertEq(escrow.balanceOf(farm, address(usd)), got, "the beneficiary's");
        uint96 rest = got < leaving ? leaving - got : 0;
        _holds(_judge, amount - got - rest, rest, rest == 0 ? 0 : uint64(block.timestamp) + UNBOND_PERIOD);
    }

    function testFuzz_BondIsOneSlashersOnly(uint96 amount, uint96 other) external {
        amount = uint96(_between(amount, 1, type(uint96).max));
        other = uint96(_between(other, 1, type(uint96).max));
        _bond(_judge, amount);
        _bond(mallory, other);
        _must(mallory, abi.encodeCall(IEscrow.slash, (alice, rig, address(usd), type(uint96).max, mallory, "greed")));
        vm.assertEq(escrow.balanceOf(mallory, address(usd)), other, "only its own");
        _holds(_judge, amount, 0, 0);
    }

    function testFuzz_BondHoldsNoMoreThanItsFields(uint96 first, uint96 leaving, uint96 second) external {
        first = uint96(_between(first, 1, type(uint96).max));
        second = uint96(_between(second, 1, type(uint96).max));
        _bond(_judge, first);
        leaving = uint96(_between(leaving, 0, first));
        if (leaving != 0) _unbond(leaving);
        _deposit(alice, address(usd), second);
        bytes memory data = abi.encodeCall(IEscrow.bond, (rig, address(usd), _judge, second));
        if (uint256(first) + second > type(uint96).max) _mustFail(alice, data, IEscrow.TooMuch.selector);
        else _must(alice, data);
    }

    function testFuzz_CommitteeNeedsItsThresholdOfMembers(uint8 signed, uint8 outsider, uint96 amount) external {
        amount = uint96(_between(amount, 1, type(uint96).max));
        address[] memory members = _members();
        CommitteeArbiter arbiter =
            CommitteeArbiter(_deploy("CommitteeArbiter", abi.encode(address(escrow), members, 3)));
        _bond(address(arbiter), amount);
        Verdict memory verdict =
            Verdict("case", alice, rig, address(usd), amount, farm, uint64(block.timestamp + 1 hours));
        bytes32 digest = arbiter.verdictDigest(verdict);
        uint256 n = signed % 6;
        Signature[] memory signatures = new Signature[](n);
        for (uint256 i = 0; i < n; ++i) {
            (signatures[i].r, signatures[i].vs) = vm.signCompact(_keys[members[i]], digest);
        }
        bool strange = n != 0 && outsider % 2 == 0;
        if (strange) {
            Signature memory s = signatures[outsider % n];
            (s.r, s.vs) = vm.signCompact(_keys[mallory], digest);
        }
        bool fine = n == 3 && !strange;
        (bool ok,) = address(arbiter).call(abi.encodeCall(CommitteeArbiter.execute, (verdict, signatures)));
        vm.assertTrue(ok == fine, "three different members, no more and no less");
        vm.assertEq(escrow.balanceOf(farm, address(usd)), fine ? amount : 0, "slashed");
    }

    function testFuzz_CommitteeDecidesACaseOnce(bytes32 caseId, uint96 again) external {
        address[] memory members = _members();
        CommitteeArbiter arbiter =
            CommitteeArbiter(_deploy("CommitteeArbiter", abi.encode(address(escrow), members, 1)));
        _bond(address(arbiter), 1000);
        Verdict memory verdict = Verdict(caseId, alice, rig, address(usd), 50, farm, uint64(block.timestamp));
        Signature[] memory signatures = new Signature[](1);
        for (uint256 i = 0; i < 2; ++i) {
            (signatures[0].r, signatures[0].vs) = vm.signCompact(_keys[members[i]], arbiter.verdictDigest(verdict));
            if (i == 0) arbiter.execute(verdict, signatures);
            _noVerdict(arbiter, verdict, signatures);
            verdict.amount = uint96(_between(again, 1, 900));
        }
        vm.assertEq(escrow.balanceOf(farm, address(usd)), 50, "slashed");
    }

    function testFuzz_CommitteeCountsNoMemberTwice(uint8 who, uint8 times) external {
        address[] memory members = _members();
        uint256 n = _between(times, 2, 5);
        CommitteeArbiter arbiter =
            CommitteeArbiter(_deploy("CommitteeArbiter", abi.encode(address(escrow), members, n)));
        _bond(address(arbiter), 100);
        Verdict memory verdict = Verdict("case", alice, rig, address(usd), 50, farm, uint64(block.timestamp));
        Signature[] memory signatures = new Signature[](n);
        for (uint256 i = 0; i < n; ++i) {
            // The last two are the same member's.
            address by = members[i == n - 1 ? n - 2 : i];
            (signatures[i].r, signatures[i].vs) = vm.signCompact(_keys[by], arbiter.verdictDigest(verdict));
        }
        _noVerdict(arbiter, verdict, signatures);
        address only = members[who % 5];
        for (uint256 i = 0; i < n; ++i) {
            (signatures[i].r, signatures[i].vs) = vm.signCompact(_keys[only], arbiter.verdictDigest(verdict));
        }
        _noVerdict(arbiter, verdict, signatures);
    }

    function testFuzz_VerdictCountsWhereAndWhileItIsMeant(uint64 chain, uint256 late, uint96 more) external {
        address[] memory members = _members();
        bytes memory arguments = abi.encode(address(escrow), members, 1);
        CommitteeArbiter arbiter = CommitteeArbiter(_deploy("CommitteeArbiter", arguments));
        CommitteeArbiter twin = CommitteeArbiter(_deploy("CommitteeArbiter", arguments));
        _bond(address(arbiter), 100);
        Verdict memory verdict = Verdict("case", alice, rig, address(usd), 50, farm, uint64(block.timestamp));
        Signature[] memory signatures = new Signature[](1);
        (signatures[0].r, signatures[0].vs) = vm.signCompact(_keys[members[0]], twin.verdictDigest(verdict));
        _noVerdict(arbiter, verdict, signatures);
        (signatures[0].r, signatures[0].vs) = vm.signCompact(_keys[members[0]], arbiter.verdictDigest(verdict));
        verdict.amount = uint96(_between(more, 51, type(uint96).max));
        _noVerdict(arbiter, verdict, signatures);
        verdict.amount = 50;
        uint256 start = vm.snapshotState();
        vm.warp(block.timestamp + _between(late, 1, 1e6));
        _noVerdict(arbiter, verdict, signatures);
        vm.revertToState(start);
        start = vm.snapshotState();
        if (chain != 0 && chain != block.chainid && chain != type(uint64).max) {
            vm.chainId(chain);
            _noVerdict(arbiter, verdict, signatures);
        }
        vm.revertToState(start);
        arbiter.execute(verdict, signatures);
        vm.assertEq(escrow.balanceOf(farm, address(usd)), 50, "slashed");
    }

    function _noVerdict(CommitteeArbiter arbiter, Verdict memory verdict, Signature[] memory signatures) private {
        (bool ok,) = address(arbiter).call(abi.encodeCall(CommitteeArbiter.execute, (verdict, signatures)));
        vm.assertTrue(!ok, "a verdict counted that does not");
    }

    /// @dev In the rising order of their addresses.
    function _members() private returns (address[] memory members) {
        string[5] memory names = ["ann", "bob", "cyd", "dee", "eve"];
        members = new address[](5);
        for (uint256 i = 0; i < 5; ++i) {
            members[i] = _person(names[i]);
            for (uint256 j = i; j > 0 && members[j] < members[j - 1]; --j) {
                (members[j], members[j - 1]) = (members[j - 1], members[j]);
            }
        }
    }

    function _bond(address slasher, uint96 amount) private {
        _deposit(alice, address(usd), amount);
        _must(alice, abi.encodeCall(IEscrow.bond, (rig, address(usd), slasher, amount)));
    }

    function _unbond(uint96 amount) private {
        _must(alice, abi.encodeCall(IEscrow.unbond, (rig, address(usd), _judge, amount)));
    }

    function _holds(address slasher, uint96 active, uint96 unbonding, uint64 releaseAt) private view {
        bytes32 id = keccak256(abi.encode(alice, rig, address(usd), slasher));
        vm.assertEq(escrow.bondId(alice, rig, address(usd), slasher), id, "bond id");
        Bond memory b = escrow.bondOf(id);
        vm.assertTrue(b.active == active && b.unbonding == unbonding && b.releaseAt == releaseAt, "the bond");
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, IEscrow} from "../../src/IEscrow.sol";
import {BlockingToken} from "../../test/sol/BlockingToken.sol";
import {Hostile} from "./Hostile.sol";

/// @notice What holds after any sequence of the calls of Handler, Batches and Hostile. The handlers check what one call
///         does and write a breach down under the number of the invariant; here it fails the run.
contract InvariantsTest {
    /// @notice An invariant of this number was broken.
    error Breach(uint256 number, string what);

    Hostile private _world;
    IEscrow private _escrow;
    BlockingToken private _usd;

    function setUp() external {
        _world = new Hostile();
        (_escrow, _usd) = (_world.escrow(), _world.usd());
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_world);
    }

    /// @dev One long run for all of them; the others repeat its beginning, so that each is reported by its name.
    /// forge-config: default.invariant.runs = 24
    function invariant_AllTogether() external view {
        this.invariant_1_EscrowHoldsWhatItOwesAndNobodyLosesMoney();
        this.invariant_2_ClaimedNeverAboveFunded();
        this.invariant_3_EpochAndClaimedNeverFall();
        this.invariant_4_PaidPerEpochAtMostHighestSigned();
        this.invariant_5_OldEpochVoucherPaysNothing();
        this.invariant_6_OnlySignerAuthorises();
        this.invariant_7_NoPayerExitBeforeGraceWithoutOperator();
        this.invariant_8_BondLeavesOnlyBySlasherOrAfterPeriod();
        this.invariant_9_PackedTypedAndSinglesAgreeInAnyOrder();
        this.invariant_10_OtherChainOrContractRejected();
        this.invariant_11_RefusingRecipientBlocksNobody();
    }

    function invariant_1_EscrowHoldsWhatItOwesAndNobodyLosesMoney() external view {
        _unbroken(1);
        _holdsWhatItOwes(address(_usd), _usd.balanceOf(address(_escrow)));
        _holdsWhatItOwes(address(0), address(_escrow).balance);
        address[2] memory payers = _world.payers();
        for (uint256 i = 0; i < 4; ++i) {
            (uint256 has, uint256 should) = _world.wealth(payers[i / 2], i % 2 == 0 ? address(_usd) : address(0));
            _need(1, has == should, "a payer's money changed without a payment");
        }
    }

    function invariant_2_ClaimedNeverAboveFunded() external view {
        _unbroken(2);
        for (uint256 i = 0; i < _world.channelCount(); ++i) {
            Channel memory ch = _world.channelOf(i);
            _need(2, ch.claimed <= ch.funded, "claimed more than funded");
        }
    }

    function invariant_3_EpochAndClaimedNeverFall() external view {
        _unbroken(3);
    }

    function invariant_4_PaidPerEpochAtMostHighestSigned() external view {
        _unbroken(4);
        for (uint256 i = 0; i < _world.channelCount(); ++i) {
            Channel memory ch = _world.channelOf(i);
            for (uint32 e = 0; e <= ch.epoch; ++e) {
                _need(4, _world.paid(i, e) <= _world.agreed(i, e), "paid more than was signed");
            }
            _need(4, _world.paid(i, ch.epoch) == ch.claimed, "claimed is not what was paid");
        }
    }

    function invariant_5_OldEpochVoucherPaysNothing() external view {
        _unbroken(5);
    }

    function invariant_6_OnlySignerAuthorises() external view {
        _unbroken(6);
        _need(6, _world.outsidersHold() == 0, "somebody got money that nothing was due to");
    }

    function invariant_7_NoPayerExitBeforeGraceWithoutOperator() external view {
        _unbroken(7);
        for (uint256 i = 0; i < _world.channelCount(); ++i) {
            _need(7, _world.channelOf(i).closesAt == _world.deadline(i), "the grace ends at another time");
        }
    }

    function invariant_8_BondLeavesOnlyBySlasherOrAfterPeriod() external view {
        _unbroken(8);
    }

    function invariant_9_PackedTypedAndSinglesAgreeInAnyOrder() external view {
        _unbroken(9);
    }

    function invariant_10_OtherChainOrContractRejected() external view {
        _unbroken(10);
    }

    function invariant_11_RefusingRecipientBlocksNobody() external view {
        _unbroken(11);
    }

    function _holdsWhatItOwes(address token, uint256 held) private view {
        _need(1, held == _world.owed(token) + _world.strays(token), "the escrow holds another sum than it owes");
    }

    /// @dev Nothing that the handlers saw.
    function _unbroken(uint256 number) private view {
        string memory what = _world.breach(number);
        _need(number, bytes(what).length == 0, what);
    }

    function _need(uint256 number, bool held, string memory what) private pure {
        if (!held) revert Breach(number, what);
    }
}

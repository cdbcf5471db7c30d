// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, IEscrow, Voucher} from "../../src/IEscrow.sol";
import {Batches} from "./Batches.sol";
import {Lane} from "./World.sol";

/// @notice Calls that must not be possible, tried in every state that the honest calls lead to.
contract Hostile is Batches {
    /// @dev Somebody else's key, where nobody but the signer may authorise.
    function forge(uint256 lane, uint256 kind, uint256 cumulative) external watched {
        lane = _focus(lane);
        (Lane memory l, Channel memory ch) = (_lanes[lane], _channel(lane));
        if (ch.funded == ch.claimed) return;
        uint96 sum = uint96(_between(cumulative, ch.claimed + 1, ch.funded));
        address[6] memory others = [mallory, rig, alice, farm, session, spare];
        address by = others[kind % 6];
        if (by == l.signer) by = mallory;
        _fake(6, l, _signed(l, by, block.chainid, address(escrow), ch.epoch, sum), "not signed by the signer");
    }

    /// @dev A signature of the signer's for something else.
    function twist(uint256 lane, uint256 kind, uint256 cumulative) external watched {
        lane = _focus(lane);
        (Lane memory l, Channel memory ch) = (_lanes[lane], _channel(lane));
        if (ch.funded == ch.claimed) return;
        uint96 sum = uint96(_between(cumulative, ch.claimed + 1, ch.funded));
        Voucher memory v;
        if (kind % 4 == 0) {
            v = _voucher(l, ch.epoch, sum - 1);
            v.cumulative = sum;
        } else if (kind % 4 == 1) {
            v = _voucher(l, ch.epoch + 1, sum);
            v.epoch = ch.epoch;
        } else if (kind % 4 == 2) {
            Lane memory other = _lanes[(lane + 1 + kind % (LANES - 1)) % LANES];
            other.signer = l.signer;
            if (_id(other) == _id(l)) other.token = mallory;
            v = _voucher(other, ch.epoch, sum);
            v.payer = l.payer;
        } else {
            v = _voucher(l, ch.epoch, sum);
            (v.r, v.vs) = _consent(l, l.signer, ch.epoch, sum);
        }
        _fake(6, l, v, "signed for something else");
    }

    function fromElsewhere(uint256 lane, uint256 chain, address home, uint256 cumulative) external watched {
        lane = _focus(lane);
        (Lane memory l, Channel memory ch) = (_lanes[lane], _channel(lane));
        if (ch.funded == ch.claimed) return;
        uint96 sum = uint96(_between(cumulative, ch.claimed + 1, ch.funded));
        if (chain == block.chainid || home == address(escrow)) return;
        _fake(10, l, _signed(l, l.signer, chain, address(escrow), ch.epoch, sum), "voucher of another chain");
        _fake(10, l, _signed(l, l.signer, block.chainid, home, ch.epoch, sum), "voucher for another contract");
        (bytes32 r, bytes32 vs) = _consentFor(l, l.operator, chain, address(escrow), ch.epoch, sum);
        _noExit(10, l, sum, r, vs, "consent of another chain");
        (r, vs) = _consentFor(l, l.operator, block.chainid, home, ch.epoch, sum);
        _noExit(10, l, sum, r, vs, "consent for another contract");
    }

    function _fake(uint256 number, Lane memory l, Voucher memory v, string memory what) private {
        bytes4 reason = IEscrow.BadSignature.selector;
        Voucher[] memory list = new Voucher[](1);
        list[0] = v;
        (address payee, address operator, address token) = (l.payee, l.operator, l.token);
        _refused(number, farm, abi.encodeCall(IEscrow.redeem, (payee, operator, token, v, false)), reason, what);
        _refused(number, farm, abi.encodeCall(IEscrow.redeemMany, (payee, operator, token, list, false)), reason, what);
        bytes memory data = abi.encodeCall(IEscrow.redeemPacked, (payee, operator, token, _packed(v), false));
        _refused(number, farm, data, reason, what);
        data = abi.encodeCall(IEscrow.closeByPayee, (payee, operator, token, v, false));
        _refused(number, operator, data, reason, what);
    }

    // A payer that wants out

    function leaveEarly(uint256 lane) external watched {
        lane = _focus(lane);
        Lane memory l = _lanes[lane];
        if (deadline[lane] == 0) {
            _refused(7, l.payer, _finalize(l, false), IEscrow.NotClosing.selector, "left without a request");
        } else if (block.timestamp < deadline[lane]) {
            _refused(7, l.payer, _finalize(l, false), IEscrow.TooEarly.selector, "left before the grace was over");
        }
        _refused(7, mallory, _finalize(l, false), IEscrow.NotClosing.selector, "somebody else finalised");
        bytes memory request = abi.encodeCall(IEscrow.requestClose, (l.payee, l.operator, l.signer, l.token));
        _refused(7, mallory, request, IEscrow.NotOpen.selector, "somebody else asked for a close");
        if (deadline[lane] == 0) return;
        _refused(7, l.payer, request, IEscrow.AlreadyClosing.selector, "moved its own deadline");
    }

    function leaveAlone(uint256 lane, uint256 kind, uint256 sum) external watched {
        lane = _focus(lane);
        (Lane memory l, Channel memory ch) = (_lanes[lane], _channel(lane));
        if (ch.funded == 0) return;
        uint96 last = uint96(_between(sum, ch.claimed, ch.funded));
        address[6] memory others = [mallory, shed, alice, farm, session, spare];
        address by = others[kind % 6];
        if (by == l.operator) by = mallory;
        (bytes32 r, bytes32 vs) = _consent(l, by, ch.epoch, last);
        _noExit(7, l, last, r, vs, "left with somebody else's consent");
        (r, vs) = _consent(l, l.operator, ch.epoch, last ^ 1);
        _noExit(7, l, last, r, vs, "left with consent to another sum");
        (r, vs) = _consent(l, l.operator, ch.epoch + 1, last);
        _noExit(7, l, last, r, vs, "left with consent for another epoch");
        if (ch.epoch != 0) {
            (r, vs) = _consent(l, l.operator, ch.epoch - 1, last);
            _noExit(5, l, last, r, vs, "left with an old epoch's consent");
        }
        Voucher memory v = _signed(l, l.operator, block.chainid, address(escrow), ch.epoch, last);
        _noExit(7, l, last, v.r, v.vs, "left with a voucher for consent");
    }

    function leaveWithTooMuch(uint256 lane, bool below) external watched {
        lane = _focus(lane);
        (Lane memory l, Channel memory ch) = (_lanes[lane], _channel(lane));
        if (ch.funded == 0 || (below && ch.claimed == 0)) return;
        uint96 last = below ? ch.claimed - 1 : ch.funded + 1;
        (bytes32 r, bytes32 vs) = _consent(l, l.operator, ch.epoch, last);
        bytes memory data = _closeByPayer(l, last, r, vs, false);
        _refused(2, l.payer, data, IEscrow.BadCumulative.selector, "closed outside of what is held");
    }

    function closeOthers(uint256 lane, bool payer) external watched {
        lane = _focus(lane);
        (Lane memory l, Channel memory ch) = (_lanes[lane], _channel(lane));
        if (ch.funded == 0) return;
        Voucher memory v = _voucher(l, ch.epoch, ch.claimed);
        bytes memory data = abi.encodeCall(IEscrow.closeByPayee, (l.payee, l.operator, l.token, v, false));
        bytes4 reason = IEscrow.NotPayeeOrOperator.selector;
        _refused(7, payer ? l.payer : mallory, data, reason, "closed for the payee by another");
        if (ch.epoch == 0) return;
        v = _voucher(l, ch.epoch - 1, ch.claimed);
        data = abi.encodeCall(IEscrow.closeByPayee, (l.payee, l.operator, l.token, v, false));
        _refused(5, l.payee, data, IEscrow.BadEpoch.selector, "an old epoch's voucher closed this one");
    }

    function _noExit(uint256 number, Lane memory l, uint96 last, bytes32 r, bytes32 vs, string memory what) private {
        _refused(number, l.payer, _closeByPayer(l, last, r, vs, false), IEscrow.BadConsent.selector, what);
    }

    // Others' money

    function overdraw(uint256 lane, uint96 excess) external watched {
        Lane memory l = _lanes[_focus(lane)];
        bytes4 reason = IEscrow.InsufficientBalance.selector;
        bytes memory data = abi.encodeCall(IEscrow.withdraw, (l.token, mallory, _between(excess, 1, 1e12)));
        _refused(1, mallory, data, reason, "withdrew from an empty account");
        uint96 more = uint96(escrow.balanceOf(l.payer, l.token)) + uint96(_between(excess, 1, 1e12));
        data = abi.encodeCall(IEscrow.withdraw, (l.token, l.payer, more));
        _refused(1, l.payer, data, reason, "overdrew by withdrawing");
        data = abi.encodeCall(IEscrow.fund, (l.payee, l.operator, l.signer, l.token, more));
        _refused(1, l.payer, data, reason, "overdrew by funding");
        data = abi.encodeCall(IEscrow.bond, (l.operator, l.token, l.signer, more));
        _refused(1, l.payer, data, reason, "overdrew by bonding");
    }

    function takeBond(uint256 which, uint256 who, uint96 amount) external watched {
        address slasher = _slashers[which %= 2];
        uint96 active = _bondTerms(which).active;
        amount = uint96(_between(amount, 1, 1e12));
        bytes memory data = abi.encodeCall(IEscrow.slash, (alice, rig, address(usd), amount, mallory, "case"));
        address[4] memory others = [mallory, alice, rig, farm];
        _refused(8, others[who % 4], data, IEscrow.NothingBonded.selector, "slashed by another");
        data = abi.encodeCall(IEscrow.unbond, (rig, address(usd), slasher, active + amount));
        _refused(8, alice, data, IEscrow.InsufficientBond.selector, "unbonded more than there is");
        data = abi.encodeCall(IEscrow.releaseBond, (rig, address(usd), slasher));
        _refused(8, mallory, data, IEscrow.NothingBonded.selector, "released by another");
        if (_bondTerms(which).unbonding == 0) {
            _refused(8, alice, data, IEscrow.NothingBonded.selector, "released what never unbonded");
        } else if (block.timestamp < _freeAt[which]) {
            _refused(8, alice, data, IEscrow.TooEarly.selector, "released before the period was over");
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Channel, Funding, IEscrow, Voucher} from "../../src/IEscrow.sol";
import {Caller} from "../../test/sol/Caller.sol";
import {Ghosts} from "./Ghosts.sol";
import {Lane} from "./World.sol";

/// @notice Honest calls: each of them has to succeed, and to do what the ghosts expect.
abstract contract Handler is Ghosts {
    uint96 private constant MOST = 1e12;

    // Accounts

    function withdraw(uint256 seed, uint256 amount) external watched {
        Lane memory l = _lanes[_focus(seed)];
        address owner = seed % 2 == 0 ? l.payer : l.payee;
        uint256 balance = escrow.balanceOf(owner, l.token);
        if (balance == 0) return;
        amount = _between(amount, 1, balance);
        bytes memory data = abi.encodeCall(IEscrow.withdraw, (l.token, owner, amount));
        if (_refuses(owner, l.token)) return _paysNobody(owner, data);
        uint256 before = _wallet(owner, l.token);
        _must(owner, data);
        if (_wallet(owner, l.token) != before + amount) _breach(1, "a withdrawal of another amount");
    }

    function stray(uint96 amount) external {
        address token = amount % 2 == 0 ? address(usd) : NATIVE;
        strays[token] += amount;
        if (token == NATIVE) vm.deal(address(escrow), address(escrow).balance + amount);
        else usd.mint(address(escrow), amount);
    }

    // Channels

    function fund(uint256 lane, uint96 amount) external watched {
        lane = _focus(lane);
        Lane memory l = _lanes[lane];
        amount = uint96(_between(amount, 1, MOST));
        if (escrow.balanceOf(l.payer, l.token) < amount) _earn(l.payer, l.token, amount);
        uint96 before = _channel(lane).funded;
        _must(l.payer, abi.encodeCall(IEscrow.fund, (l.payee, l.operator, l.signer, l.token, amount)));
        deadline[lane] = 0;
        if (_channel(lane).funded != before + amount) _breach(1, "funded with another amount");
    }

    /// @dev The lanes 0, 2 and 3 are one payer's in one token.
    function fundMany(uint96 first, uint96 second) external watched {
        (first, second) = (uint96(_between(first, 1, MOST)), uint96(_between(second, 1, MOST)));
        _earn(alice, address(usd), first + second);
        Funding[] memory lines = new Funding[](2);
        (Lane memory a, Lane memory b) = (_lanes[2], _lanes[3]);
        lines[0] = Funding(a.payee, a.operator, a.signer, first);
        lines[1] = Funding(b.payee, b.operator, b.signer, second);
        _must(alice, abi.encodeCall(IEscrow.fundMany, (address(usd), lines)));
        deadline[2] = deadline[3] = 0;
    }

    function depositAndFund(uint256 lane, uint96 amount) external watched {
        lane = _focus(lane);
        Lane memory l = _lanes[lane];
        amount = uint96(_between(amount, 1, MOST));
        minted[l.payer][l.token] += amount;
        _mint(l.payer, l.token, amount);
        _must(
            l.payer,
            l.token == NATIVE ? amount : 0,
            abi.encodeCall(IEscrow.depositAndFund, (l.payee, l.operator, l.signer, l.token, amount))
        );
        deadline[lane] = 0;
    }

    // Vouchers

    /// @dev Of this epoch, sometimes for more than there is.
    function sign(uint256 lane, uint256 cumulative) external {
        _sign(_focus(lane), cumulative);
    }

    function _sign(uint256 lane, uint256 cumulative) internal {
        Channel memory ch = _channel(lane);
        uint96 sum = uint96(_between(cumulative, 0, uint256(ch.funded) * 5 / 4 + 1));
        _remember(lane, _voucher(_lanes[lane], ch.epoch, sum));
    }

    function redeem(uint256 pick, bool payout) external watched {
        if (_promises.length == 0) return;
        Promise memory p = _promises[pick % _promises.length];
        _redeem(p, payout);
    }

    /// @dev A new voucher at once, so that much gets paid.
    function pay(uint256 lane, uint256 cumulative, bool payout) external watched {
        lane = _focus(lane);
        _sign(lane, cumulative);
        _redeem(Promise(lane, _lastOf(lane)), payout);
    }

    function _lastOf(uint256 lane) private view returns (Voucher memory v) {
        uint32 epoch = _channel(lane).epoch;
        return _voucher(_lanes[lane], epoch, uint96(agreed[lane][epoch]));
    }

    function _redeem(Promise memory p, bool payout) private {
        Lane memory l = _lanes[p.lane];
        Channel memory ch = _channel(p.lane);
        uint256 due = p.voucher.epoch == ch.epoch ? _above(_min(p.voucher.cumulative, ch.funded), ch.claimed) : 0;
        if (payout && due != 0 && _refuses(l.payee, l.token)) {
            _paysNobody(mallory, abi.encodeCall(IEscrow.redeem, (l.payee, l.operator, l.token, p.voucher, true)));
            payout = false;
        }
        uint256 before = _holding(l.payee, l.token);
        // Anyone may redeem.
        _must(mallory, abi.encodeCall(IEscrow.redeem, (l.payee, l.operator, l.token, p.voucher, payout)));
        uint256 got = _holding(l.payee, l.token) - before;
        paid[p.lane][p.voucher.epoch] += got;
        if (p.voucher.epoch < ch.epoch && got != 0) _breach(5, "an old epoch's voucher paid");
        if (got != due) _breach(4, "not what the voucher grants and the channel holds");
    }

    // Closing

    function requestClose(uint256 lane) external watched {
        lane = _focus(lane);
        Lane memory l = _lanes[lane];
        if (_channel(lane).funded == 0 || deadline[lane] != 0) return;
        _must(l.payer, abi.encodeCall(IEscrow.requestClose, (l.payee, l.operator, l.signer, l.token)));
        deadline[lane] = block.timestamp + GRACE;
    }

    function finalizeClose(uint256 lane, bool payout) external watched {
        lane = _focus(lane);
        Lane memory l = _lanes[lane];
        if (deadline[lane] == 0) return;
        if (block.timestamp < deadline[lane]) vm.warp(deadline[lane]);
        Channel memory ch = _channel(lane);
        if (payout && ch.funded != ch.claimed && _refuses(l.payer, l.token)) {
            _paysNobody(l.payer, _finalize(l, true));
            payout = false;
        }
        _ends(lane, 0, l.payer, _finalize(l, payout));
    }

    function closeByPayer(uint256 lane, uint256 sum, bool payout) external watched {
        lane = _focus(lane);
        Lane memory l = _lanes[lane];
        Channel memory ch = _channel(lane);
        if (ch.funded == 0) return;
        uint96 last = uint96(_between(sum, ch.claimed, ch.funded));
        (bytes32 r, bytes32 vs) = _consent(l, l.operator, ch.epoch, last);
        if (last > agreed[lane][ch.epoch]) agreed[lane][ch.epoch] = last; // the payer says so with this call
        if (payout && last != ch.funded && _refuses(l.payer, l.token)) {
            _paysNobody(l.payer, _closeByPayer(l, last, r, vs, true));
            payout = false;
        }
        _ends(lane, last - ch.claimed, l.payer, _closeByPayer(l, last, r, vs, payout));
    }

    function closeByPayee(uint256 lane, bool byOperator, bool payout) external watched {
        lane = _focus(lane);
        Lane memory l = _lanes[lane];
        Channel memory ch = _channel(lane);
        if (ch.funded == 0) return;
        Voucher memory v = _lastOf(lane);
        uint256 due = _above(_min(v.cumulative, ch.funded), ch.claimed);
        if (due != 0 && _refuses(l.payee, l.token)) payout = false;
        _ends(
            lane,
            due,
            byOperator ? l.operator : l.payee,
            abi.encodeCall(IEscrow.closeByPayee, (l.payee, l.operator, l.token, v, payout))
        );
    }

    /// @dev Ends a channel and checks who got what.
    function _ends(uint256 lane, uint256 due, address caller, bytes memory data) private {
        Lane memory l = _lanes[lane];
        Channel memory ch = _channel(lane);
        uint256 payerHad = _holding(l.payer, l.token);
        uint256 payeeHad = _holding(l.payee, l.token);
        _mayEnd[lane] = true;
        _must(caller, data);
        uint256 got = _holding(l.payee, l.token) - payeeHad;
        paid[lane][ch.epoch] += got;
        if (got != due) _breach(4, "a close paid another amount");
        if (_holding(l.payer, l.token) - payerHad + got != ch.funded - ch.claimed) {
            _breach(1, "a close gave out another amount than the channel held");
        }
        Channel memory now_ = _channel(lane);
        if (now_.epoch != ch.epoch + 1 || now_.funded != 0 || now_.claimed != 0 || now_.closesAt != 0) {
            _breach(3, "a close did not start the next epoch from zero");
        }
        deadline[lane] = 0;
    }

    // Bonds of alice's for the rig

    function bond(uint256 which, uint96 amount) external watched {
        amount = uint96(_between(amount, 1, MOST));
        _earn(alice, address(usd), amount);
        _must(alice, abi.encodeCall(IEscrow.bond, (rig, address(usd), _slashers[which % 2], amount)));
    }

    function unbond(uint256 which, uint96 amount) external watched {
        uint96 active = _bondTerms(which %= 2).active;
        if (active == 0) return;
        amount = uint96(_between(amount, 1, active));
        _must(alice, abi.encodeCall(IEscrow.unbond, (rig, address(usd), _slashers[which], amount)));
        _freeAt[which] = block.timestamp + UNBOND_PERIOD;
    }

    function releaseBond(uint256 which) external watched {
        uint96 unbonding = _bondTerms(which %= 2).unbonding;
        if (unbonding == 0) return;
        if (block.timestamp < _freeAt[which]) vm.warp(_freeAt[which]);
        _mayShrink[which] = true;
        uint256 before = escrow.balanceOf(alice, address(usd));
        _must(alice, abi.encodeCall(IEscrow.releaseBond, (rig, address(usd), _slashers[which])));
        if (escrow.balanceOf(alice, address(usd)) != before + unbonding) _breach(8, "released another amount");
    }

    /// @dev Also what is unbonding already; at most what there is.
    function slash(uint256 which, uint96 amount) external watched {
        uint256 held = _bonded(which %= 2);
        if (held == 0) return;
        amount = uint96(_between(amount, 1, held * 5 / 4 + 1));
        _mayShrink[which] = true;
        uint256 before = escrow.balanceOf(address(this), address(usd));
        _must(
            _slashers[which], abi.encodeCall(IEscrow.slash, (alice, rig, address(usd), amount, address(this), "case"))
        );
        uint256 taken = escrow.balanceOf(address(this), address(usd)) - before;
        slashed[alice][address(usd)] += taken;
        if (taken != _min(amount, held)) _breach(8, "slashed another amount");
    }

    // The world

    function pass(uint256 time) external {
        vm.warp(block.timestamp + _between(time, 1, GRACE));
    }

    function refuse(uint256 who, bool on) external {
        if (who % 3 == 0) usd.setBlocked(farm, on);
        else if (who % 3 == 1) usd.setBlocked(pool, on);
        else usd.setBlocked(vault, on);
        Caller(payable(who % 2 == 0 ? pool : vault)).setRefusing(on);
    }

    function _paysNobody(address from, bytes memory data) private {
        (bool ok,) = _call(from, 0, data);
        if (ok) _breach(11, "a payment that was refused went through");
    }

    function _finalize(Lane memory l, bool payout) internal pure returns (bytes memory) {
        return abi.encodeCall(IEscrow.finalizeClose, (l.payee, l.operator, l.signer, l.token, payout));
    }

    function _min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    function _above(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a - b : 0;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestUSD} from "../../src/TestUSD.sol";
import {Caller} from "./Caller.sol";

/// @notice Tells both sides of a transfer about it in the middle of it, as an ERC-777 would, so that they can re-enter;
///         and a watcher about transfers and permits alike, as a token written to attack would.
contract HookToken is TestUSD {
    address public watcher;

    function setWatcher(address who) external {
        watcher = who;
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        public
        override
    {
        _notify(watcher);
        super.permit(owner, spender, value, deadline, v, r, s);
    }

    function _update(address from, address to, uint256 value) internal override {
        _notify(from);
        super._update(from, to, value);
        _notify(to);
        _notify(watcher);
    }

    function _notify(address who) private {
        if (who.code.length != 0) try Caller(payable(who)).tokenHook() {} catch {}
    }
}

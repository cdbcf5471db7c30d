// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestUSD} from "../../src/TestUSD.sol";
import {Caller} from "./Caller.sol";

/// @notice Tells both sides of a transfer about it in the middle of it, as an ERC-777 would, so that they can re-enter.
contract HookToken is TestUSD {
    function _update(address from, address to, uint256 value) internal override {
        _notify(from);
        super._update(from, to, value);
        _notify(to);
    }

    function _notify(address who) private {
        if (who.code.length != 0) try Caller(payable(who)).tokenHook() {} catch {}
    }
}

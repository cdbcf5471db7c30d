// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestUSD} from "../../src/TestUSD.sol";

/// @notice Refuses transfers to addresses on a list that anyone can write, as USDC's issuer can.
contract BlockingToken is TestUSD {
    mapping(address => bool) public blocked;

    error Blocked(address to);

    function setBlocked(address to, bool on) external {
        blocked[to] = on;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (blocked[to]) revert Blocked(to);
        super._update(from, to, value);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestUSD} from "../../src/TestUSD.sol";

/// @notice Burns one percent of every transfer between holders, so less arrives than was sent.
contract FeeToken is TestUSD {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 100);
    }
}

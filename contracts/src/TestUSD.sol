// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// @title Play money for test networks, with the six decimals and the signed transfers (ERC-2612, ERC-3009) of USDC
/// @notice Anyone can mint any amount to anyone, so it is worth nothing. Never deploy it where money is real.
contract TestUSD is ERC20, ERC20Permit, ERC3009 {
    string private constant NAME = "Rerig test dollar (worthless)";

    constructor() ERC20(NAME, "tUSDC") ERC20Permit(NAME) {}

    /// @notice Creates `amount` millionths of a test dollar for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Six, as USDC: one unit is a millionth.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}

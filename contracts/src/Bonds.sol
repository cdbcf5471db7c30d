// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Accounts} from "./Accounts.sol";
import {Bond, IEscrow} from "./IEscrow.sol";

/// @title The escrow's bonds
/// @notice See IEscrow for what each function does, its units and errors, and who has to trust whom.
/// @dev Bonds move money between accounts only, so nothing here talks to a token or a recipient.
abstract contract Bonds is Accounts {
    /// @dev The lower bound lets a test network release bonds within a demo; whoever relies on a bond checks the period.
    ///      The upper bound keeps an owner's money from being locked for ever.
    uint32 private constant MIN_UNBOND_PERIOD = 60 seconds;
    uint32 private constant MAX_UNBOND_PERIOD = 90 days;

    /// @inheritdoc IEscrow
    uint32 public immutable unbondPeriod;

    mapping(bytes32 id => Bond) private _bonds;

    constructor(uint32 period) {
        if (period < MIN_UNBOND_PERIOD || period > MAX_UNBOND_PERIOD) {
            revert BadUnbondPeriod(period, MIN_UNBOND_PERIOD, MAX_UNBOND_PERIOD);
        }
        unbondPeriod = period;
    }

    /// @inheritdoc IEscrow
    function bond(address operator, address token, address slasher, uint96 amount) external nonReentrantView {
        if (amount == 0) revert ZeroAmount();
        if (operator == address(0)) revert ZeroAddress("operator");
        if (slasher == address(0)) revert ZeroAddress("slasher");
        _debit(token, msg.sender, amount);
        bytes32 id = bondId(msg.sender, operator, token, slasher);
        Bond storage b = _bonds[id];
        // Of both sums, so that `unbond` cannot overflow.
        uint256 held = uint256(b.active) + b.unbonding;
        if (held + amount > type(uint96).max) revert TooMuch(id, held, amount);
        uint96 active = b.active + amount;
        b.active = active;
        emit Bonded(id, msg.sender, operator, slasher, token, amount, active);
    }

    /// @inheritdoc IEscrow
    function unbond(address operator, address token, address slasher, uint96 amount) external nonReentrantView {
        if (amount == 0) revert ZeroAmount();
        bytes32 id = bondId(msg.sender, operator, token, slasher);
        Bond memory b = _bonds[id];
        if (b.active < amount) revert InsufficientBond(id, b.active, amount);
        b.active -= amount;
        b.unbonding += amount;
        b.releaseAt = uint64(block.timestamp) + unbondPeriod;
        _bonds[id] = b;
        emit Unbonding(id, amount, b.unbonding, b.releaseAt);
    }

    /// @inheritdoc IEscrow
    function releaseBond(address operator, address token, address slasher)
        external
        nonReentrantView
        returns (uint256 released)
    {
        bytes32 id = bondId(msg.sender, operator, token, slasher);
        Bond memory b = _bonds[id];
        if (b.unbonding == 0) revert NothingBonded(id);
        if (block.timestamp < b.releaseAt) revert TooEarly(b.releaseAt, block.timestamp);
        _bonds[id] = Bond({active: b.active, unbonding: 0, releaseAt: 0});
        _credit(token, msg.sender, b.unbonding);
        emit BondReleased(id, b.unbonding);
        return b.unbonding;
    }

    /// @inheritdoc IEscrow
    function slash(address owner, address operator, address token, uint96 amount, address beneficiary, bytes32 ref)
        external
        nonReentrantView
        returns (uint256 slashed)
    {
        if (amount == 0) revert ZeroAmount();
        if (beneficiary == address(0)) revert ZeroAddress("beneficiary");
        bytes32 id = bondId(owner, operator, token, msg.sender);
        Bond memory b = _bonds[id];
        uint96 leaving = amount < b.unbonding ? amount : b.unbonding;
        uint96 staying = amount - leaving < b.active ? amount - leaving : b.active;
        uint96 taken = leaving + staying;
        if (taken == 0) revert NothingBonded(id);
        b.unbonding -= leaving;
        b.active -= staying;
        if (b.unbonding == 0) b.releaseAt = 0;
        _bonds[id] = b;
        _credit(token, beneficiary, taken);
        emit Slashed(id, beneficiary, ref, taken);
        return taken;
    }

    /// @inheritdoc IEscrow
    function bondOf(bytes32 id) external view returns (Bond memory) {
        return _bonds[id];
    }

    /// @inheritdoc IEscrow
    function bondId(address owner, address operator, address token, address slasher) public pure returns (bytes32) {
        return keccak256(abi.encode(owner, operator, token, slasher));
    }
}

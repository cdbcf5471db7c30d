// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An account with code: does as its owner says, and on receiving native money or a token hook makes one more
///         call, recording how that ended. Without such a call it can be told to refuse native money.
contract Caller {
    address public target;
    bytes public data;
    bool public refusing;

    uint256 public attempts;
    bool public reentered;
    bytes4 public reason;

    error Refused();

    /// @notice Makes a call and passes its failure on.
    function run(address to, uint256 value, bytes calldata input) external payable {
        (bool ok, bytes memory out) = to.call{value: value}(input);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(out, 32), mload(out))
            }
        }
    }

    /// @notice What to call on the next receipt.
    function arm(address to, bytes calldata input) external {
        target = to;
        data = input;
    }

    function setRefusing(bool on) external {
        refusing = on;
    }

    /// @notice Called by HookToken on both sides of a transfer.
    function tokenHook() external {
        _strike();
    }

    receive() external payable {
        if (refusing) revert Refused();
        _strike();
    }

    function _strike() private {
        if (target == address(0)) return;
        attempts++;
        (bool ok, bytes memory out) = target.call(data);
        reentered = ok;
        if (!ok && out.length >= 4) reason = bytes4(out);
    }
}

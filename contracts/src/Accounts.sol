// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Authorization, IEscrow} from "./IEscrow.sol";

/// @title The escrow's accounts, and every way in which money enters and leaves the contract
/// @notice See IEscrow for what each function does, its units and errors, and who has to trust whom.
/// @dev Every function that changes state checks one transient lock and writes its storage and events first; whatever
///      talks to a token or a recipient does so last and holds the lock. `multicall` holds nothing itself: each of its
///      calls is checked on its own.
abstract contract Accounts is IEscrow, Multicall, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    address internal constant NATIVE = address(0);

    bytes32 private constant DEPOSIT_TAG = keccak256("Rerig deposit");

    /// @dev 256 bits wide although deposits have 96, so that no credit can overflow and block a payee.
    mapping(address owner => mapping(address token => uint256)) private _accounts;

    /// @inheritdoc IEscrow
    function deposit(address token, address owner, uint96 amount) external nonReentrantView {
        _deposit(token, owner, amount);
        _pull(token, amount);
    }

    /// @inheritdoc IEscrow
    function depositNative(address owner) external payable nonReentrantView {
        _enter(NATIVE, owner, msg.value);
    }

    /// @inheritdoc IEscrow
    function depositWithPermit(address token, address owner, uint96 amount, uint256 deadline, bytes32 r, bytes32 vs)
        external
        nonReentrantView
    {
        _deposit(token, owner, amount);
        _permit(token, amount, deadline, r, vs);
        _pull(token, amount);
    }

    /// @inheritdoc IEscrow
    function depositWithAuthorization(
        address token,
        address from,
        address owner,
        uint96 amount,
        Authorization calldata auth
    ) external nonReentrantView {
        _deposit(token, owner, amount);
        _pullAuthorized(token, from, amount, depositNonce(owner, auth.salt), auth);
    }

    /// @inheritdoc IEscrow
    function withdraw(address token, address to, uint256 amount) external nonReentrantView {
        if (to == address(0) || to == address(this)) revert BadRecipient(to);
        if (amount == 0) revert ZeroAmount();
        _debit(token, msg.sender, amount);
        _push(token, msg.sender, to, amount);
    }

    /// @inheritdoc IEscrow
    function multicall(bytes[] calldata data)
        public
        override(IEscrow, Multicall)
        returns (bytes[] memory results)
    {
        return super.multicall(data);
    }

    /// @inheritdoc IEscrow
    function balanceOf(address owner, address token) external view returns (uint256) {
        return _accounts[owner][token];
    }

    /// @inheritdoc IEscrow
    function depositNonce(address owner, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(DEPOSIT_TAG, owner, salt));
    }

    /// @inheritdoc IEscrow
    function openNonce(bytes32 id, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(id, salt));
    }

    // Balances

    /// @dev Credits money that is about to be pulled.
    function _deposit(address token, address owner, uint96 amount) private {
        if (token == NATIVE) revert ZeroAddress("token");
        _enter(token, owner, amount);
    }

    function _enter(address token, address owner, uint256 amount) private {
        if (owner == address(0)) revert ZeroAddress("owner");
        if (amount == 0) revert ZeroAmount();
        _credit(token, owner, amount);
        emit Deposited(token, owner, amount);
    }

    /// @dev The caller emits the event that explains it. Credits are below 2^96 (native money is scarcer still), so 2^160
    ///      of them would have to come together for an account to overflow.
    function _credit(address token, address owner, uint256 amount) internal {
        unchecked {
            _accounts[owner][token] += amount;
        }
    }

    /// @dev The caller emits the event that explains it.
    function _debit(address token, address owner, uint256 amount) internal {
        uint256 balance = _accounts[owner][token];
        if (balance < amount) revert InsufficientBalance(owner, token, balance, amount);
        unchecked {
            _accounts[owner][token] = balance - amount;
        }
    }

    /// @dev Gives `owner` money that has left a channel: in its wallet if `payout`, else in its account.
    function _settle(address token, address owner, uint256 amount, bool payout) internal {
        if (amount == 0) return;
        if (payout) return _push(token, owner, owner, amount);
        _credit(token, owner, amount);
    }

    // Tokens and recipients

    /// @dev Takes an approved ERC-20 from the caller and checks that all of it arrived.
    function _pull(address token, uint256 amount) internal nonReentrant {
        uint256 held = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _requireArrived(token, held, amount);
    }

    /// @dev Takes an ERC-20 by the signature of `from` and checks that all of it arrived. The token checks the
    ///      signature, its times and that the nonce is new, and lets nobody but this contract use it.
    function _pullAuthorized(address token, address from, uint256 amount, bytes32 nonce, Authorization calldata auth)
        internal
        nonReentrant
    {
        uint256 held = IERC20(token).balanceOf(address(this));
        (uint8 v, bytes32 s) = _expand(auth.vs);
        IERC3009(token).receiveWithAuthorization(
            from, address(this), amount, auth.validAfter, auth.validBefore, nonce, v, auth.r, s
        );
        _requireArrived(token, held, amount);
    }

    /// @dev Approves for the caller, and for nobody else: a token that ignores an unknown `permit` then still moves only
    ///      what the caller itself has approved.
    function _permit(address token, uint256 amount, uint256 deadline, bytes32 r, bytes32 vs) private nonReentrant {
        (uint8 v, bytes32 s) = _expand(vs);
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
    }

    function _requireArrived(address token, uint256 held, uint256 amount) private view {
        uint256 now_ = IERC20(token).balanceOf(address(this));
        if (now_ < held || now_ - held != amount) revert InexactTransfer(token, amount, now_ < held ? 0 : now_ - held);
    }

    /// @dev The two last parts of an EIP-2098 signature; the token is the one to judge them.
    function _expand(bytes32 vs) private pure returns (uint8 v, bytes32 s) {
        v = uint8(uint256(vs) >> 255) + 27;
        s = vs & bytes32(uint256(type(int256).max));
    }

    /// @dev Sends money out; its return data is not copied, so a recipient cannot make the caller pay for a large one.
    function _push(address token, address owner, address to, uint256 amount) private nonReentrant {
        emit Withdrawn(token, owner, to, amount);
        if (token != NATIVE) IERC20(token).safeTransfer(to, amount);
        else if (!LowLevelCall.callNoReturn(to, amount, "")) revert NativeTransferFailed(to, amount);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Channel, IEscrow, Voucher} from "./IEscrow.sol";

/// @title Rerig escrow
/// @notice See IEscrow for what each function does, its units and errors, and who has to trust whom.
/// @dev Every function that moves money holds one transient lock, writes its storage and events first, and talks to
///      tokens and recipients last.
contract Escrow is IEscrow, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 channelId,uint32 epoch,uint96 cumulative)");
    bytes32 private constant CLOSE_TYPEHASH =
        keccak256("Close(bytes32 channelId,uint32 epoch,uint96 finalCumulative)");

    /// @dev The lower bound lets a test network close channels within a demo; it protects nobody on a real one. A payee
    ///      that may be offline for a day refuses a deployment whose grace is shorter than that: the node checks. The
    ///      upper bound keeps a payer's money from being locked for ever.
    uint32 private constant MIN_GRACE = 60 seconds;
    uint32 private constant MAX_GRACE = 30 days;

    address private constant NATIVE = address(0);

    /// @inheritdoc IEscrow
    uint32 public immutable closeGrace;

    /// @dev 256 bits wide although deposits have 96, so that no credit can overflow and block a payee.
    mapping(address owner => mapping(address token => uint256)) private _accounts;

    /// @dev An ended channel keeps its epoch, so its slot never returns to zero: no voucher of an earlier epoch is ever
    ///      valid again, and opening again costs less.
    mapping(bytes32 id => Channel) private _channels;

    constructor(uint32 grace) EIP712("Rerig", "1") {
        if (grace < MIN_GRACE || grace > MAX_GRACE) revert BadGrace(grace, MIN_GRACE, MAX_GRACE);
        closeGrace = grace;
    }

    // Accounts

    /// @inheritdoc IEscrow
    function deposit(address token, address owner, uint96 amount) external nonReentrant {
        if (token == NATIVE) revert ZeroAddress("token");
        _credit(token, owner, amount);
        _pull(token, amount);
    }

    /// @inheritdoc IEscrow
    function depositNative(address owner) external payable nonReentrant {
        _credit(NATIVE, owner, msg.value);
    }

    /// @inheritdoc IEscrow
    function withdraw(address token, address to, uint256 amount) external nonReentrant {
        if (to == address(0) || to == address(this)) revert BadRecipient(to);
        if (amount == 0) revert ZeroAmount();
        _debit(token, msg.sender, amount);
        _push(token, msg.sender, to, amount);
    }

    // Channels

    /// @inheritdoc IEscrow
    function fund(address payee, address operator, address signer, address token, uint96 amount)
        external
        nonReentrant
    {
        _debit(token, msg.sender, amount);
        _fund(payee, operator, signer, token, amount);
    }

    /// @inheritdoc IEscrow
    function depositAndFund(address payee, address operator, address signer, address token, uint96 amount)
        external
        payable
        nonReentrant
    {
        uint256 expected = token == NATIVE ? amount : 0;
        if (msg.value != expected) revert BadValue(expected, msg.value);
        // The account is credited and debited in one step, so only the event of the credit remains.
        emit Deposited(token, msg.sender, amount);
        _fund(payee, operator, signer, token, amount);
        if (token != NATIVE) _pull(token, amount);
    }

    /// @inheritdoc IEscrow
    function redeem(address payee, address operator, address token, Voucher calldata voucher, bool payout)
        external
        nonReentrant
        returns (uint256 paid)
    {
        paid = _redeem(payee, operator, token, voucher, 0);
        _settle(token, payee, paid, payout);
    }

    /// @inheritdoc IEscrow
    function redeemMany(address payee, address operator, address token, Voucher[] calldata vouchers, bool payout)
        external
        nonReentrant
        returns (uint256 paid)
    {
        for (uint256 i = 0; i < vouchers.length; ++i) {
            paid += _redeem(payee, operator, token, vouchers[i], i);
        }
        _settle(token, payee, paid, payout);
    }

    // Closing

    /// @inheritdoc IEscrow
    function requestClose(address payee, address operator, address signer, address token) external nonReentrant {
        bytes32 id = channelId(msg.sender, signer, payee, operator, token);
        Channel storage ch = _open(id);
        if (ch.closesAt != 0) revert AlreadyClosing(id, ch.closesAt);
        uint32 closesAt = SafeCast.toUint32(block.timestamp + closeGrace);
        ch.closesAt = closesAt;
        emit CloseRequested(id, ch.epoch, closesAt);
    }

    /// @inheritdoc IEscrow
    function finalizeClose(address payee, address operator, address signer, address token, bool payout)
        external
        nonReentrant
        returns (uint256 refunded)
    {
        bytes32 id = channelId(msg.sender, signer, payee, operator, token);
        uint32 closesAt = _channels[id].closesAt;
        if (closesAt == 0) revert NotClosing(id);
        if (block.timestamp < closesAt) revert TooEarly(closesAt, block.timestamp);
        refunded = _end(id, _channels[id].claimed);
        _settle(token, msg.sender, refunded, payout);
    }

    /// @inheritdoc IEscrow
    function closeByPayer(
        address payee,
        address operator,
        address signer,
        address token,
        uint96 finalCumulative,
        bytes32 r,
        bytes32 vs,
        bool payout
    ) external nonReentrant returns (uint256 refunded) {
        bytes32 id = channelId(msg.sender, signer, payee, operator, token);
        Channel storage ch = _open(id);
        (uint96 funded, uint96 claimed) = (ch.funded, ch.claimed);
        if (finalCumulative < claimed || finalCumulative > funded) {
            revert BadCumulative(finalCumulative, claimed, funded);
        }
        if (!_signedBy(operator, closeDigest(id, ch.epoch, finalCumulative), r, vs)) revert BadConsent();

        uint256 owed = finalCumulative - claimed;
        if (owed != 0) emit Redeemed(id, finalCumulative);
        refunded = _end(id, finalCumulative);
        // The payee is not the caller: a payee that cannot receive must not hold the payer's money.
        _settle(token, payee, owed, false);
        _settle(token, msg.sender, refunded, payout);
    }

    /// @inheritdoc IEscrow
    function closeByPayee(address payee, address operator, address token, Voucher calldata voucher, bool payout)
        external
        nonReentrant
        returns (uint256 paid)
    {
        if (msg.sender != payee && msg.sender != operator) revert NotPayeeOrOperator(msg.sender);
        bytes32 id = channelId(voucher.payer, voucher.signer, payee, operator, token);
        uint32 epoch = _open(id).epoch;
        if (voucher.epoch != epoch) revert BadEpoch(epoch, voucher.epoch);
        paid = _redeem(payee, operator, token, voucher, 0);
        // The payer is not the caller: a payer that cannot receive must not hold the payee's money.
        _settle(token, voucher.payer, _end(id, _channels[id].claimed), false);
        _settle(token, payee, paid, payout);
    }

    // Views

    /// @inheritdoc IEscrow
    function balanceOf(address owner, address token) external view returns (uint256) {
        return _accounts[owner][token];
    }

    /// @inheritdoc IEscrow
    function channel(bytes32 id) external view returns (Channel memory) {
        return _channels[id];
    }

    /// @inheritdoc IEscrow
    function channelId(address payer, address signer, address payee, address operator, address token)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(payer, signer, payee, operator, token));
    }

    /// @inheritdoc IEscrow
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @inheritdoc IEscrow
    function voucherDigest(bytes32 id, uint32 epoch, uint96 cumulative) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPEHASH, id, epoch, cumulative)));
    }

    /// @inheritdoc IEscrow
    function closeDigest(bytes32 id, uint32 epoch, uint96 finalCumulative) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CLOSE_TYPEHASH, id, epoch, finalCumulative)));
    }

    // Channel internals

    /// @dev Adds `amount` to the caller's channel; the caller of this function has accounted for the money.
    function _fund(address payee, address operator, address signer, address token, uint96 amount) private {
        if (amount == 0) revert ZeroAmount();
        if (payee == address(0)) revert ZeroAddress("payee");
        if (operator == address(0)) revert ZeroAddress("operator");
        if (signer == address(0)) revert ZeroAddress("signer");
        bytes32 id = channelId(msg.sender, signer, payee, operator, token);
        Channel storage ch = _channels[id];
        uint96 funded = ch.funded + amount;
        ch.funded = funded;
        if (ch.closesAt != 0) ch.closesAt = 0;
        emit ChannelFunded(id, msg.sender, payee, operator, signer, token, ch.epoch, amount, funded);
    }

    /// @dev Moves what the voucher grants from the channel to nobody yet: the caller settles the sum returned.
    function _redeem(address payee, address operator, address token, Voucher calldata v, uint256 index)
        private
        returns (uint256 due)
    {
        bytes32 id = channelId(v.payer, v.signer, payee, operator, token);
        Channel storage ch = _channels[id];
        (uint96 funded, uint96 before, uint32 epoch) = (ch.funded, ch.claimed, ch.epoch);
        uint96 claimed = v.cumulative < funded ? v.cumulative : funded;
        // Not an error: a voucher that lost a race must not revert the batch it came in.
        if (v.epoch != epoch || claimed <= before) return 0;
        if (!_signedBy(v.signer, voucherDigest(id, epoch, v.cumulative), v.r, v.vs)) revert BadSignature(index);
        due = claimed - before;
        ch.claimed = claimed;
        emit Redeemed(id, claimed);
    }

    /// @dev Starts the next epoch and returns what `claimed` left over; the caller settles that with the payer.
    function _end(bytes32 id, uint96 claimed) private returns (uint256) {
        Channel storage ch = _channels[id];
        (uint96 refunded, uint32 epoch) = (ch.funded - claimed, ch.epoch);
        _channels[id] = Channel({funded: 0, claimed: 0, epoch: epoch + 1, closesAt: 0});
        emit ChannelClosed(id, epoch, claimed, refunded);
        return refunded;
    }

    function _open(bytes32 id) private view returns (Channel storage ch) {
        ch = _channels[id];
        if (ch.funded == 0) revert NotOpen(id);
    }

    /// @dev ECDSA refuses a high s, and a failed recovery yields the zero address, which no channel has as a signer.
    function _signedBy(address key, bytes32 digest, bytes32 r, bytes32 vs) private pure returns (bool) {
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecover(digest, r, vs);
        return err == ECDSA.RecoverError.NoError && recovered == key;
    }

    // Money internals

    function _credit(address token, address owner, uint256 amount) private {
        if (owner == address(0)) revert ZeroAddress("owner");
        if (amount == 0) revert ZeroAmount();
        _accounts[owner][token] += amount;
        emit Deposited(token, owner, amount);
    }

    function _debit(address token, address owner, uint256 amount) private {
        uint256 balance = _accounts[owner][token];
        if (balance < amount) revert InsufficientBalance(owner, token, balance, amount);
        unchecked {
            _accounts[owner][token] = balance - amount;
        }
    }

    /// @dev Gives `owner` money that has left a channel: in its wallet if `payout`, else in its account.
    function _settle(address token, address owner, uint256 amount, bool payout) private {
        if (amount == 0) return;
        if (payout) _push(token, owner, owner, amount);
        else _accounts[owner][token] += amount;
    }

    /// @dev Takes an ERC-20 from the caller and checks that all of it arrived.
    function _pull(address token, uint256 amount) private {
        uint256 held = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - held;
        if (received != amount) revert InexactTransfer(token, amount, received);
    }

    /// @dev Sends money out; its return data is not copied, so a recipient cannot make the caller pay for a large one.
    function _push(address token, address owner, address to, uint256 amount) private {
        emit Withdrawn(token, owner, to, amount);
        if (token != NATIVE) IERC20(token).safeTransfer(to, amount);
        else if (!LowLevelCall.callNoReturn(to, amount, "")) revert NativeTransferFailed(to, amount);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StorageSlot} from "@openzeppelin/contracts/utils/StorageSlot.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Bonds} from "./Bonds.sol";
import {Authorization, Channel, Funding, IEscrow, Voucher} from "./IEscrow.sol";

/// @title Rerig escrow: its channels, on top of its accounts (Accounts) and bonds (Bonds)
/// @notice See IEscrow for what each function does, its units and errors, and who has to trust whom.
contract Escrow is EIP712, Bonds {
    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(bytes32 channelId,uint32 epoch,uint96 cumulative)");
    bytes32 private constant CLOSE_TYPEHASH =
        keccak256("Close(bytes32 channelId,uint32 epoch,uint96 finalCumulative)");

    /// @dev The lower bound lets a test network close channels within a demo; it protects nobody on a real one. A payee
    ///      that may be offline for a day refuses a deployment whose grace is shorter than that: the node checks. The
    ///      upper bound keeps a payer's money from being locked for ever.
    uint32 private constant MIN_GRACE = 60 seconds;
    uint32 private constant MAX_GRACE = 30 days;

    uint256 private constant RECORD = 120;

    /// @inheritdoc IEscrow
    uint32 public immutable closeGrace;

    /// @dev An ended channel keeps its epoch, so its slot never returns to zero: no voucher of an earlier epoch is ever
    ///      valid again, and opening again costs less.
    mapping(bytes32 id => Channel) private _channels;

    constructor(uint32 grace, uint32 period) EIP712("Rerig", "1") Bonds(period) {
        if (grace < MIN_GRACE || grace > MAX_GRACE) revert BadGrace(grace, MIN_GRACE, MAX_GRACE);
        closeGrace = grace;
    }

    // Channels

    /// @inheritdoc IEscrow
    function fund(address payee, address operator, address signer, address token, uint96 amount)
        external
        nonReentrantView
    {
        _debit(token, msg.sender, amount);
        _fund(msg.sender, payee, operator, signer, token, amount);
    }

    /// @inheritdoc IEscrow
    function fundMany(address token, Funding[] calldata fundings) external nonReentrantView {
        uint256 total;
        for (uint256 i = 0; i < fundings.length; ++i) {
            Funding calldata f = fundings[i];
            total += f.amount;
            _fund(msg.sender, f.payee, f.operator, f.signer, token, f.amount);
        }
        _debit(token, msg.sender, total);
    }

    /// @inheritdoc IEscrow
    function depositAndFund(address payee, address operator, address signer, address token, uint96 amount)
        external
        payable
        nonReentrantView
    {
        uint256 expected = token == NATIVE ? amount : 0;
        if (msg.value != expected) revert BadValue(expected, msg.value);
        // The account is credited and debited in one step, so only the event of the credit remains.
        emit Deposited(token, msg.sender, amount);
        _fund(msg.sender, payee, operator, signer, token, amount);
        if (token != NATIVE) _pull(token, amount);
    }

    /// @inheritdoc IEscrow
    function depositAndFundWithAuthorization(
        address payer,
        address payee,
        address operator,
        address signer,
        address token,
        uint96 amount,
        Authorization calldata auth
    ) external nonReentrantView {
        if (token == NATIVE) revert ZeroAddress("token");
        emit Deposited(token, payer, amount);
        bytes32 id = _fund(payer, payee, operator, signer, token, amount);
        _pullAuthorized(token, payer, amount, openNonce(id, auth.salt), auth);
    }

    /// @inheritdoc IEscrow
    function redeem(address payee, address operator, address token, Voucher calldata voucher, bool payout)
        external
        nonReentrantView
        returns (uint256 paid)
    {
        paid = _redeemVoucher(payee, operator, token, voucher, 0);
        _settle(token, payee, paid, payout);
    }

    /// @inheritdoc IEscrow
    function redeemMany(address payee, address operator, address token, Voucher[] calldata vouchers, bool payout)
        external
        nonReentrantView
        returns (uint256 paid)
    {
        for (uint256 i = 0; i < vouchers.length; ++i) {
            paid += _redeemVoucher(payee, operator, token, vouchers[i], i);
        }
        _settle(token, payee, paid, payout);
    }

    /// @inheritdoc IEscrow
    function redeemPacked(address payee, address operator, address token, bytes calldata records, bool payout)
        external
        nonReentrantView
        returns (uint256 paid)
    {
        if (records.length % RECORD != 0) revert BadLength(records.length);
        for (uint256 i = 0; i < records.length / RECORD; ++i) {
            bytes calldata v = records[i * RECORD:(i + 1) * RECORD];
            address signer = address(bytes20(v[20:40]));
            paid += _redeem(
                channelId(address(bytes20(v[0:20])), signer, payee, operator, token),
                signer,
                uint32(bytes4(v[40:44])),
                uint96(bytes12(v[44:56])),
                bytes32(v[56:88]),
                bytes32(v[88:120]),
                i
            );
        }
        _settle(token, payee, paid, payout);
    }

    // Closing

    /// @inheritdoc IEscrow
    function requestClose(address payee, address operator, address signer, address token) external nonReentrantView {
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
        nonReentrantView
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
    ) external nonReentrantView returns (uint256 refunded) {
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
        nonReentrantView
        returns (uint256 paid)
    {
        if (msg.sender != payee && msg.sender != operator) revert NotPayeeOrOperator(msg.sender);
        bytes32 id = channelId(voucher.payer, voucher.signer, payee, operator, token);
        uint32 epoch = _open(id).epoch;
        if (voucher.epoch != epoch) revert BadEpoch(epoch, voucher.epoch);
        paid = _redeemVoucher(payee, operator, token, voucher, 0);
        // The payer is not the caller: a payer that cannot receive must not hold the payee's money.
        _settle(token, voucher.payer, _end(id, _channels[id].claimed), false);
        _settle(token, payee, paid, payout);
    }

    // Views

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

    /// @dev Adds `amount` to the payer's channel; the caller of this function accounts for the money.
    function _fund(address payer, address payee, address operator, address signer, address token, uint96 amount)
        private
        returns (bytes32 id)
    {
        if (amount == 0) revert ZeroAmount();
        if (payee == address(0)) revert ZeroAddress("payee");
        if (operator == address(0)) revert ZeroAddress("operator");
        if (signer == address(0)) revert ZeroAddress("signer");
        id = channelId(payer, signer, payee, operator, token);
        Channel storage ch = _channels[id];
        (uint96 before, uint32 epoch) = (ch.funded, ch.epoch);
        if (amount > type(uint96).max - before) revert TooMuch(id, before, amount);
        uint96 funded = before + amount;
        ch.funded = funded;
        ch.closesAt = 0;
        emit ChannelFunded(id, payer, payee, operator, signer, token, epoch, amount, funded);
    }

    function _redeemVoucher(address payee, address operator, address token, Voucher calldata v, uint256 index)
        private
        returns (uint256)
    {
        address signer = v.signer;
        bytes32 id = channelId(v.payer, signer, payee, operator, token);
        return _redeem(id, signer, v.epoch, v.cumulative, v.r, v.vs, index);
    }

    /// @dev Moves what the voucher grants from the channel to nobody yet: the caller settles the sum returned.
    function _redeem(
        bytes32 id,
        address signer,
        uint32 epoch,
        uint96 cumulative,
        bytes32 r,
        bytes32 vs,
        uint256 index
    ) private returns (uint256 due) {
        // As one word, read once and written once: `funded` lowest, then `claimed`, `epoch` and `closesAt`.
        StorageSlot.Uint256Slot storage slot = _slot(id);
        uint256 word = slot.value;
        uint256 before = uint96(word >> 96);
        uint256 claimed = Math.min(cumulative, uint96(word));
        // Not errors: a voucher that lost a race must not revert the batch it came in.
        if (epoch != uint32(word >> 192)) return 0;
        if (claimed <= before) return 0;
        if (!_signedBy(signer, voucherDigest(id, epoch, cumulative), r, vs)) revert BadSignature(index);
        unchecked {
            due = claimed - before;
            // `claimed` stays at or below `funded`, so nothing carries over into `epoch`.
            slot.value = word + (due << 96);
        }
        emit Redeemed(id, uint96(claimed));
    }

    /// @dev Starts the next epoch and returns what `claimed` left over; the caller settles that with the payer.
    function _end(bytes32 id, uint96 claimed) private returns (uint256) {
        Channel storage ch = _channels[id];
        (uint96 refunded, uint32 epoch) = (ch.funded - claimed, ch.epoch);
        _channels[id] = Channel({funded: 0, claimed: 0, epoch: epoch + 1, closesAt: 0});
        emit ChannelClosed(id, epoch, claimed, refunded);
        return refunded;
    }

    /// @dev The channel's one slot.
    function _slot(bytes32 id) private view returns (StorageSlot.Uint256Slot storage slot) {
        Channel storage ch = _channels[id];
        assembly ("memory-safe") {
            slot.slot := ch.slot
        }
    }

    function _open(bytes32 id) private view returns (Channel storage ch) {
        ch = _channels[id];
        if (ch.funded == 0) revert NotOpen(id);
    }

    /// @dev ECDSA refuses a high s, and a failed recovery yields the zero address. That is never `key`: a channel that
    ///      holds money has neither a zero signer nor a zero operator, and no other gets here.
    function _signedBy(address key, bytes32 digest, bytes32 r, bytes32 vs) private pure returns (bool) {
        (address recovered,,) = ECDSA.tryRecover(digest, r, vs);
        return key == recovered;
    }
}

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
        paid = _redeemRecords(payee, operator, token, records);
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

    /// @dev As `_redeemVoucher` for each record, for less gas: one piece of memory serves all hashes, and the signature
    ///      is recovered here. foundry/test/Packed.t.sol holds the two to each other.
    function _redeemRecords(address payee, address operator, address token, bytes calldata records)
        private
        returns (uint256 paid)
    {
        // What is hashed and recovered, with room for what differs from record to record: the channel's tuple (5 words
        // from 0x20), the voucher (4 words from 0xc0), the digest's text (66 bytes from 0x140), and what ecrecover
        // takes, which is digest, v, r and s (4 words from 0x182).
        bytes memory work = abi.encodePacked(
            abi.encode(address(0), address(0), payee, operator, token),
            abi.encode(VOUCHER_TYPEHASH, bytes32(0), uint32(0), uint96(0)),
            "\x19\x01",
            _domainSeparatorV4(),
            new bytes(32 + 128)
        );
        for (uint256 start = 0; start < records.length; start += RECORD) {
            bytes32 id;
            uint256 terms; // from the left: the epoch's 32 bits, the sum's 96, and some of r
            assembly ("memory-safe") {
                let record := add(records.offset, start)
                mstore(add(work, 0x20), shr(96, calldataload(record)))
                mstore(add(work, 0x40), shr(96, calldataload(add(record, 20))))
                id := keccak256(add(work, 0x20), 0xa0)
                terms := calldataload(add(record, 40))
            }
            // From here on as in _redeem.
            StorageSlot.Uint256Slot storage slot = _slot(id);
            uint256 word = slot.value;
            uint256 before = uint96(word >> 96);
            uint256 claimed = Math.min(uint96(terms >> 128), uint96(word));
            if (uint32(terms >> 224) != uint32(word >> 192)) continue;
            if (claimed <= before) continue;
            if (!_recovers(work, id, terms, records[start:])) revert BadSignature(start / RECORD);
            unchecked {
                uint256 due = claimed - before;
                slot.value = word + (due << 96);
                paid += due;
            }
            emit Redeemed(id, uint96(claimed));
        }
    }

    /// @dev Whether the signer of this record, which `work` has already, signed it. As ECDSA does, it refuses the other
    ///      form of a signature. A recovery that fails returns nothing.
    function _recovers(bytes memory work, bytes32 id, uint256 terms, bytes calldata record)
        private
        view
        returns (bool good)
    {
        assembly ("memory-safe") {
            mstore(add(work, 0xe0), id)
            mstore(add(work, 0x100), shr(224, terms))
            mstore(add(work, 0x120), shr(160, shl(32, terms)))
            mstore(add(work, 0x162), keccak256(add(work, 0xc0), 0x80))
            mstore(add(work, 0x182), keccak256(add(work, 0x140), 0x42))
            let vs := calldataload(add(record.offset, 88))
            let s := shr(1, shl(1, vs))
            mstore(add(work, 0x1a2), add(27, shr(255, vs)))
            mstore(add(work, 0x1c2), calldataload(add(record.offset, 56)))
            mstore(add(work, 0x1e2), s)
            good := staticcall(gas(), 1, add(work, 0x182), 0x80, 0x00, 0x20)
            good := and(good, eq(returndatasize(), 0x20))
            good := and(good, eq(mload(0x00), mload(add(work, 0x40))))
            good := and(good, lt(s, 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1))
        }
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

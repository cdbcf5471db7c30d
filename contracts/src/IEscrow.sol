// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice One payment channel in one storage slot. All amounts are in the token's smallest unit (wei for native).
/// @param funded What the payer has locked since the channel opened. Zero means the channel is not open.
/// @param claimed What the payee has received since the channel opened; never above `funded`.
/// @param epoch How often this channel has been closed. A voucher counts in its own epoch only. The 2^32nd close is
///        impossible; at a transaction each, nobody gets there.
/// @param closesAt Unix seconds from which the payer may take the rest back; zero while no close is requested.
///        Seconds fit uint32 until February 2106.
struct Channel {
    uint96 funded;
    uint96 claimed;
    uint32 epoch;
    uint32 closesAt;
}

/// @notice A signed promise: "of this channel, in this epoch, `cumulative` in total belongs to the payee".
/// @param payer Who locked the money.
/// @param signer Whose key signed; fixed in the channel's id, so no other key can spend from it.
/// @param epoch The channel's epoch when the voucher was signed.
/// @param cumulative Total since the channel opened, not the increment, in the token's smallest unit.
/// @param r First half of the EIP-2098 compact signature.
/// @param vs Second half: s with the recovery bit in its top bit.
struct Voucher {
    address payer;
    address signer;
    uint32 epoch;
    uint96 cumulative;
    bytes32 r;
    bytes32 vs;
}

/// @notice One line of `fundMany`: what to add to the caller's channel with this payee, operator and signer.
/// @param amount In the token's smallest unit.
struct Funding {
    address payee;
    address operator;
    address signer;
    uint96 amount;
}

/// @notice An ERC-3009 `ReceiveWithAuthorization` to this contract, less what the call states already.
/// @param validAfter Unix seconds; the token takes it only later than this.
/// @param validBefore Unix seconds; the token takes it only earlier than this.
/// @param salt Free choice of the signer. The nonce signed is `depositNonce` or `openNonce` of it, so the signature
///        says what becomes of the money.
/// @param r First half of the EIP-2098 compact signature of the token's typed message.
/// @param vs Second half: s with the recovery bit in its top bit.
struct Authorization {
    uint256 validAfter;
    uint256 validBefore;
    bytes32 salt;
    bytes32 r;
    bytes32 vs;
}

/// @notice Money put up for an operator's good behaviour, in the token's smallest unit; both sums stay below 2^96.
/// @param active What stays until the owner unbonds it. Whoever relies on a bond counts this alone.
/// @param unbonding What is on its way back to the owner. The slasher can still take it.
/// @param releaseAt Unix seconds from which the owner may take `unbonding`; zero while nothing unbonds.
struct Bond {
    uint96 active;
    uint96 unbonding;
    uint64 releaseAt;
}

/// @title Rerig escrow: accounts, one-way payment channels out of them, and bonds
///
/// @notice Trust assumptions.
/// - Nobody owns this contract. It takes no fee, cannot be upgraded or paused, and has no path to a deposit except
///   the signatures and calls listed here.
/// - A channel is the tuple (payer, signer, payee, operator, token). The payer locks money in it; the signer's key
///   authorises payments off-chain with vouchers; the payee receives all of them; the operator's key can do one
///   thing, which is to agree that the rest goes back to the payer early.
/// - The payee need not trust the payer: what a valid voucher grants and the channel holds cannot be taken back for
///   `closeGrace` seconds after a `CloseRequested` event. The payee's side has to look at the chain at least that
///   often, must check `closeGrace` before it works against this deployment, and must ignore `funded` until the
///   funding transaction is final.
/// - The payer need not trust the payee: no more than the highest voucher its signer signed can leave the channel, and
///   the rest is the payer's again after `closeGrace` whatever the payee does.
/// - The payee trusts the operator's key (the machine that does the work) with what is not redeemed yet, and with no
///   more: a thief of that key can close channels and so hand that rest back to the payers, and can never receive
///   anything. Redeeming regularly bounds it. Once an operator has signed a `Close`, its machine must take no more
///   vouchers for that epoch, since the payer may use the consent at any later time.
/// - A bond is the tuple (owner, operator, token, slasher). Its owner trusts the slasher, an account or contract that
///   it named, with all of it: the slasher may give it to anybody at any time until it is released, and nobody else
///   can touch it. Who relies on a bond trusts the slasher to judge and to do so within `unbondPeriod` seconds of an
///   `Unbonding` event, and bears in mind that one bond may stand for many promises. The operator's consent to being
///   named is not asked; its signed offer says which bond it stands behind.
/// - Signers are plain secp256k1 keys (never ERC-1271 or EIP-7702 code, which could revoke a voucher). A contract
///   wallet pays by naming a session key as signer.
/// - A relayer of an authorised deposit is trusted with nothing but its own gas: amount, account or channel are signed.
///   It may relay late, within `validBefore`, and so fund a channel again that was closed meanwhile; the payer that
///   minds cancels the authorisation at the token.
/// - A token is trusted by whoever chooses it. Tokens that take a fee on a deposit are refused; tokens that rebase,
///   or start to charge more than the amount they move, are unsupported and harm only holders of that same token here.
/// - Money sent here outside these functions belongs to nobody and stays.
///
/// @notice Life of a channel: not open --fund--> open --requestClose--> closing --finalizeClose, after the grace--> not
/// open, epoch + 1. Redeeming works while open and while closing. Funding while closing re-opens. `closeByPayer` (with
/// the operator's consent) and `closeByPayee` end it at once. Only the payer's exit without consent waits: a close by
/// the payee's side gives money back and takes nothing that a voucher does not already grant, so nobody needs time to
/// object.
///
/// @notice Every change of a balance has exactly one event: an account's balance is the sum of its `Deposited`,
/// `Redeemed` increments, `ChannelClosed` refunds, `BondReleased` and `Slashed` amounts, less its `ChannelFunded`,
/// `Bonded` and `Withdrawn` amounts.
interface IEscrow {
    /// @notice `owner`'s account was credited with `amount` of `token` by a transfer into this contract.
    event Deposited(address indexed token, address indexed owner, uint256 amount);

    /// @notice `owner`'s account was debited and `amount` of `token` sent to `to`.
    event Withdrawn(address indexed token, address indexed owner, address indexed to, uint256 amount);

    /// @notice `amount` moved from the payer's account into the channel, which now has `funded` in this `epoch`.
    event ChannelFunded(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        address operator,
        address signer,
        address token,
        uint32 epoch,
        uint96 amount,
        uint96 funded
    );

    /// @notice The payee has now received `claimed` in total in the channel's current epoch.
    event Redeemed(bytes32 indexed channelId, uint96 claimed);

    /// @notice The payer wants its money back; vouchers must be redeemed before `closesAt` (Unix seconds).
    event CloseRequested(bytes32 indexed channelId, uint32 epoch, uint32 closesAt);

    /// @notice The channel ended: `claimed` went to the payee during `epoch` and `refunded` back to the payer.
    event ChannelClosed(bytes32 indexed channelId, uint32 epoch, uint96 claimed, uint96 refunded);

    /// @notice `amount` moved from the owner's account into the bond, which now has `active`.
    event Bonded(
        bytes32 indexed bondId,
        address indexed owner,
        address indexed operator,
        address slasher,
        address token,
        uint96 amount,
        uint96 active
    );

    /// @notice `amount` of the bond began to unbond; all of its `unbonding` is free at `releaseAt` (Unix seconds).
    event Unbonding(bytes32 indexed bondId, uint96 amount, uint96 unbonding, uint64 releaseAt);

    /// @notice `amount` of the bond returned to its owner's account.
    event BondReleased(bytes32 indexed bondId, uint96 amount);

    /// @notice The slasher gave `amount` of the bond to `beneficiary`'s account; `ref` is the slasher's own reference.
    event Slashed(bytes32 indexed bondId, address indexed beneficiary, bytes32 indexed ref, uint96 amount);

    /// @notice The grace given to the constructor is outside `min` to `max` seconds.
    error BadGrace(uint32 grace, uint32 min, uint32 max);
    /// @notice The unbonding period given to the constructor is outside `min` to `max` seconds.
    error BadUnbondPeriod(uint32 period, uint32 min, uint32 max);
    /// @notice An amount of zero, which would do nothing.
    error ZeroAmount();
    /// @notice The named argument must not be the zero address.
    error ZeroAddress(string field);
    /// @notice `to` is the zero address or this contract, from where nothing would come back.
    error BadRecipient(address to);
    /// @notice The native amount sent is not the one stated.
    error BadValue(uint256 expected, uint256 sent);
    /// @notice `owner`'s account holds `balance` of `token`, less than `needed`.
    error InsufficientBalance(address owner, address token, uint256 balance, uint256 needed);
    /// @notice The channel or bond `id` holds `held`, and would hold 2^96 or more with `amount`.
    error TooMuch(bytes32 id, uint256 held, uint256 amount);
    /// @notice The token delivered `received` where `expected` was to arrive: it takes a fee, or lies.
    error InexactTransfer(address token, uint256 expected, uint256 received);
    /// @notice The recipient refused native money. Credit its account instead: call again with `payout` false.
    error NativeTransferFailed(address to, uint256 amount);
    /// @notice Voucher number `index` would pay something but is not signed by its signer for this channel.
    error BadSignature(uint256 index);
    /// @notice Packed vouchers of `length` bytes, which is not a multiple of 120.
    error BadLength(uint256 length);
    /// @notice The `Close` consent is not signed by the operator for this channel, epoch and amount.
    error BadConsent();
    /// @notice The channel holds no money in its current epoch.
    error NotOpen(bytes32 channelId);
    /// @notice A close is already under way and ends at `closesAt` (Unix seconds).
    error AlreadyClosing(bytes32 channelId, uint32 closesAt);
    /// @notice No close was requested.
    error NotClosing(bytes32 channelId);
    /// @notice The grace or the unbonding ends at `readyAt`; the chain's clock says `time` (Unix seconds).
    error TooEarly(uint64 readyAt, uint256 time);
    /// @notice The voucher is of another epoch than the channel.
    error BadEpoch(uint32 current, uint32 given);
    /// @notice The agreed total is not between what is claimed and what is funded.
    error BadCumulative(uint96 given, uint96 claimed, uint96 funded);
    /// @notice Only the channel's payee or operator may do this.
    error NotPayeeOrOperator(address caller);
    /// @notice Only `active` of the bond can begin to unbond, less than `needed`.
    error InsufficientBond(bytes32 bondId, uint96 active, uint96 needed);
    /// @notice The bond has nothing to release or to slash.
    error NothingBonded(bytes32 bondId);

    /// @notice Credits `owner`'s account with `amount` of an ERC-20 taken from the caller, who has approved it.
    /// @dev Reverts with ZeroAmount, ZeroAddress (token, owner), InexactTransfer, or the token's own error.
    function deposit(address token, address owner, uint96 amount) external;

    /// @notice Credits `owner`'s account with the native money sent (wei).
    /// @dev Reverts with ZeroAmount, ZeroAddress (owner).
    function depositNative(address owner) external payable;

    /// @notice As `deposit`, with the approval in the same transaction: the caller's ERC-2612 permit of `amount` for this
    ///         contract until `deadline` (Unix seconds), its signature in EIP-2098 form.
    /// @dev A permit that fails is no error by itself, since anybody may have sent it before: the approval decides.
    ///      Reverts as `deposit` does.
    function depositWithPermit(address token, address owner, uint96 amount, uint256 deadline, bytes32 r, bytes32 vs)
        external;

    /// @notice Credits `owner`'s account with `amount` taken from the wallet of `from`, which has signed for it; anyone
    ///         may relay. The nonce signed is `depositNonce(owner, auth.salt)`, so no other account can be credited.
    /// @dev Reverts with ZeroAmount, ZeroAddress (token, owner), InexactTransfer, or the token's own error.
    function depositWithAuthorization(
        address token,
        address from,
        address owner,
        uint96 amount,
        Authorization calldata auth
    ) external;

    /// @notice Sends `amount` from the caller's account to `to`. `token` zero is native money.
    /// @dev Reverts with ZeroAmount, BadRecipient, InsufficientBalance, NativeTransferFailed, or the token's own error.
    function withdraw(address token, address to, uint256 amount) external;

    /// @notice Makes several calls to this contract as the caller, all or none. It takes no native money, so calls that
    ///         need some do not work in it.
    /// @param data Each call, with its selector.
    /// @return results What each returned.
    /// @dev Reverts with the error of the first call that fails.
    function multicall(bytes[] calldata data) external returns (bytes[] memory results);

    /// @notice Opens or tops up the caller's channel from the caller's account; cancels a close under way.
    /// @dev Reverts with ZeroAmount, ZeroAddress (payee, operator, signer), InsufficientBalance, TooMuch. An
    ///      epoch's vouchers start at zero: read the epoch from ChannelFunded before signing one.
    function fund(address payee, address operator, address signer, address token, uint96 amount) external;

    /// @notice As `fund` for many channels of the caller in one token, all or none.
    function fundMany(address token, Funding[] calldata fundings) external;

    /// @notice As `fund`, with money taken straight from the caller's wallet: approved ERC-20, or native money sent.
    /// @dev Reverts as `fund` does, and with BadValue, InexactTransfer, or the token's own error.
    function depositAndFund(address payee, address operator, address signer, address token, uint96 amount)
        external
        payable;

    /// @notice As `fund` for `payer`, whose wallet pays and which has signed for it. Anyone may relay, so the payer needs
    ///         no native money. The nonce signed is `openNonce(channelId, auth.salt)`, so no other channel can be funded.
    /// @dev Reverts as `fund` does, with ZeroAddress (token), InexactTransfer, or the token's own error.
    function depositAndFundWithAuthorization(
        address payer,
        address payee,
        address operator,
        address signer,
        address token,
        uint96 amount,
        Authorization calldata auth
    ) external;

    /// @notice Pays the payee what the voucher grants and it has not had yet, up to what the channel holds. Anyone may
    ///         call; only the payee receives.
    /// @param payout True sends the money to the payee; false credits the payee's account, which works even when the
    ///        payee cannot receive.
    /// @return paid What the payee received. Zero without any change, and without a look at the signature, when the
    ///         voucher is of another epoch or grants nothing new. When the channel holds less than the voucher grants,
    ///         the rest stays claimable with the same voucher once the payer tops up.
    /// @dev Reverts with BadSignature(0), or as a withdrawal does when `payout` is set.
    function redeem(address payee, address operator, address token, Voucher calldata voucher, bool payout)
        external
        returns (uint256 paid);

    /// @notice As `redeem` for many vouchers of one payee, operator and token, paid in one sum. Order and duplicates do
    ///         not matter. Keep to 500 vouchers a transaction (the gas cap of EIP-7825 is near 1,000).
    /// @dev Reverts with BadSignature(index), or as a withdrawal does when `payout` is set.
    function redeemMany(address payee, address operator, address token, Voucher[] calldata vouchers, bool payout)
        external
        returns (uint256 paid);

    /// @notice As `redeemMany`, with the vouchers packed for less calldata.
    /// @param records 120 bytes each, big-endian and without padding: payer (20), signer (20), epoch (4),
    ///        cumulative (12), r (32), vs (32).
    /// @dev Reverts with BadLength, or as `redeemMany` does.
    function redeemPacked(address payee, address operator, address token, bytes calldata records, bool payout)
        external
        returns (uint256 paid);

    /// @notice Starts the grace after which the caller, the channel's payer, may take the rest back.
    /// @dev Reverts with NotOpen, AlreadyClosing.
    function requestClose(address payee, address operator, address signer, address token) external;

    /// @notice Ends the caller's channel after the grace and returns the rest. Vouchers not redeemed by then are void.
    /// @param payout True sends the rest to the caller, false credits the caller's account.
    /// @return refunded What the payer got back.
    /// @dev Reverts with NotClosing, TooEarly, or as a withdrawal does when `payout` is set.
    function finalizeClose(address payee, address operator, address signer, address token, bool payout)
        external
        returns (uint256 refunded);

    /// @notice Ends the caller's channel at once with the operator's consent that `finalCumulative` settles this epoch.
    ///         The payee's account is credited with what it has not had yet.
    /// @param r First half of the operator's EIP-2098 signature over `closeDigest`.
    /// @param vs Second half.
    /// @param payout True sends the rest to the caller, false credits the caller's account.
    /// @return refunded What the payer got back.
    /// @dev Reverts with NotOpen, BadCumulative, BadConsent, or as a withdrawal does when `payout` is set.
    function closeByPayer(
        address payee,
        address operator,
        address signer,
        address token,
        uint96 finalCumulative,
        bytes32 r,
        bytes32 vs,
        bool payout
    ) external returns (uint256 refunded);

    /// @notice Ends a channel at once from the payee's side: redeems `voucher` and credits the payer's account with the
    ///         rest. Called by the payee or the operator; nothing goes to the operator. What the voucher grants beyond
    ///         the channel's money is given up.
    /// @param voucher The last voucher. One that grants nothing new (`cumulative` zero, say, when nothing is owed) needs
    ///        no signature.
    /// @param payout True sends the payee's share to the payee, false credits the payee's account.
    /// @return paid What the payee received.
    /// @dev Reverts with NotPayeeOrOperator, NotOpen, BadEpoch (so that a close sent for an earlier epoch cannot end the
    ///      current one), BadSignature(0), or as a withdrawal does when `payout` is set.
    function closeByPayee(address payee, address operator, address token, Voucher calldata voucher, bool payout)
        external
        returns (uint256 paid);

    /// @notice Moves `amount` from the caller's account into its bond for `operator`, which `slasher` may take.
    /// @dev Reverts with ZeroAmount, ZeroAddress (operator, slasher), InsufficientBalance, TooMuch.
    function bond(address operator, address token, address slasher, uint96 amount) external;

    /// @notice Starts the period after which the caller may take `amount` of its bond back. What is unbonding already
    ///         waits anew from now.
    /// @dev Reverts with ZeroAmount, InsufficientBond.
    function unbond(address operator, address token, address slasher, uint96 amount) external;

    /// @notice Returns all that has unbonded to the caller's account.
    /// @return released What the account got.
    /// @dev Reverts with NothingBonded, TooEarly.
    function releaseBond(address operator, address token, address slasher) external returns (uint256 released);

    /// @notice Gives up to `amount` of a bond to `beneficiary`'s account, at any time. Called by the bond's slasher. What
    ///         is unbonding goes first, so that what others rely on stays longest.
    /// @param ref Any reference of the slasher's, kept in the event alone.
    /// @return slashed What the beneficiary got: `amount`, or less if the bond has no more.
    /// @dev Reverts with ZeroAmount, ZeroAddress (beneficiary), NothingBonded (so also for all but the slasher).
    function slash(address owner, address operator, address token, uint96 amount, address beneficiary, bytes32 ref)
        external
        returns (uint256 slashed);

    /// @notice Seconds between a payer's `requestClose` and its `finalizeClose`.
    function closeGrace() external view returns (uint32);

    /// @notice Seconds between an owner's `unbond` and its `releaseBond`.
    function unbondPeriod() external view returns (uint32);

    /// @notice What `owner` can withdraw, lock or bond, in the smallest unit of `token` (zero address: native, wei).
    function balanceOf(address owner, address token) external view returns (uint256);

    /// @notice The channel's state; all zero if it was never opened.
    function channel(bytes32 id) external view returns (Channel memory);

    /// @notice keccak256(abi.encode(payer, signer, payee, operator, token)).
    function channelId(address payer, address signer, address payee, address operator, address token)
        external
        pure
        returns (bytes32);

    /// @notice The bond's state; all zero if there never was one.
    function bondOf(bytes32 id) external view returns (Bond memory);

    /// @notice keccak256(abi.encode(owner, operator, token, slasher)).
    function bondId(address owner, address operator, address token, address slasher) external pure returns (bytes32);

    /// @notice The ERC-3009 nonce that deposits into `owner`'s account:
    ///         keccak256(abi.encode(keccak256("Rerig deposit"), owner, salt)).
    function depositNonce(address owner, bytes32 salt) external pure returns (bytes32);

    /// @notice The ERC-3009 nonce that funds a channel: keccak256(abi.encode(channelId, salt)).
    function openNonce(bytes32 id, bytes32 salt) external pure returns (bytes32);

    /// @notice The EIP-712 domain separator: name "Rerig", version "1", the current chain id, this address.
    function domainSeparator() external view returns (bytes32);

    /// @notice What a signer signs: Voucher(bytes32 channelId,uint32 epoch,uint96 cumulative).
    function voucherDigest(bytes32 id, uint32 epoch, uint96 cumulative) external view returns (bytes32);

    /// @notice What an operator signs: Close(bytes32 channelId,uint32 epoch,uint96 finalCumulative).
    function closeDigest(bytes32 id, uint32 epoch, uint96 finalCumulative) external view returns (bytes32);
}

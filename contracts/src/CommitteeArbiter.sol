// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IEscrow} from "./IEscrow.sol";

/// @notice What a committee decides about one bond that names this contract as its slasher.
/// @param caseId The committee's name for the case; decided once, and the `ref` of the slash.
/// @param owner Whose bond.
/// @param operator For which operator.
/// @param token In which token; the zero address is native money.
/// @param amount The most to take, in the token's smallest unit.
/// @param beneficiary Whose account in the escrow gets it.
/// @param deadline Unix seconds up to which the verdict may be executed.
struct Verdict {
    bytes32 caseId;
    address owner;
    address operator;
    address token;
    uint96 amount;
    address beneficiary;
    uint64 deadline;
}

/// @notice An EIP-2098 compact signature.
/// @param r Its first half.
/// @param vs Its second: s with the recovery bit in its top bit.
struct Signature {
    bytes32 r;
    bytes32 vs;
}

/// @title A slasher of bonds that acts when m of its n members say so
///
/// @notice Trust assumptions.
/// - The members, their number and the threshold are those of the constructor, for ever. Nobody owns this contract.
/// - `threshold` members together can take any bond that names this contract, whole, for anybody. Fewer can do nothing.
///   A bond's owner and those who rely on the bond both choose the committee by accepting its address; a member that
///   loses its key counts as colluding from then on, so leave room between the threshold and the members.
/// - Members are plain secp256k1 keys (never ERC-1271 or EIP-7702 code, which could change its mind).
/// - A verdict is final, and anyone executes it until its deadline. It takes what the bond still has: members that look
///   at the escrow's `Unbonding` events more often than its `unbondPeriod` are in time.
/// - It serves the one escrow of its constructor, and cannot hold money or do anything else there.
contract CommitteeArbiter is EIP712 {
    bytes32 private constant VERDICT_TYPEHASH = keccak256(
        "Verdict(bytes32 caseId,address owner,address operator,address token,uint96 amount,address beneficiary,uint64 deadline)"
    );

    /// @dev Bounds what the constructor writes.
    uint256 private constant MAX_MEMBERS = 64;

    /// @notice The escrow whose bonds this contract slashes.
    IEscrow public immutable escrow;
    /// @notice How many members have to sign a verdict.
    uint256 public immutable threshold;
    /// @notice How many members there are.
    uint256 public immutable memberCount;

    /// @notice Whether this key is one of the members.
    mapping(address key => bool) public isMember;
    /// @notice Whether this case has been decided.
    mapping(bytes32 caseId => bool) public isDecided;

    /// @notice The committee decided a case and `slashed` of the bond went to the beneficiary.
    event Decided(bytes32 indexed caseId, uint256 slashed);

    /// @notice The escrow is no contract.
    error BadEscrow(address escrow);
    /// @notice The threshold is not between 1 and the number of members, or there are more than 64 of those.
    error BadThreshold(uint256 threshold, uint256 members);
    /// @notice Member number `index` is the zero address, or not above the one before it.
    error BadMember(uint256 index);
    /// @notice The verdict could be executed until `deadline`; the chain's clock says `time` (Unix seconds).
    error Expired(uint64 deadline, uint256 time);
    /// @notice The case was decided before.
    error AlreadyDecided(bytes32 caseId);
    /// @notice The verdict needs exactly `threshold` signatures.
    error BadCount(uint256 given, uint256 threshold);
    /// @notice Signature number `index` is not a member's over this verdict, or not of an address above the one before it.
    error BadSigner(uint256 index);

    /// @param escrow_ The escrow to slash bonds in.
    /// @param members The members' addresses in rising order, 1 to 64.
    /// @param threshold_ How many of them decide, 1 to all.
    constructor(IEscrow escrow_, address[] memory members, uint256 threshold_) EIP712("Rerig Arbiter", "1") {
        if (address(escrow_).code.length == 0) revert BadEscrow(address(escrow_));
        if (threshold_ == 0 || threshold_ > members.length || members.length > MAX_MEMBERS) {
            revert BadThreshold(threshold_, members.length);
        }
        address last;
        for (uint256 i = 0; i < members.length; ++i) {
            if (members[i] <= last) revert BadMember(i);
            last = members[i];
            isMember[last] = true;
        }
        escrow = escrow_;
        threshold = threshold_;
        memberCount = members.length;
    }

    /// @notice Executes a verdict. Anyone may call.
    /// @param signatures Of `threshold` members, in the rising order of their addresses.
    /// @return slashed What the beneficiary's account got: the verdict's amount, or less if the bond has no more.
    /// @dev Reverts with Expired, AlreadyDecided, BadCount, BadSigner, or as the escrow's `slash` does; the case then
    ///      stays open.
    function execute(Verdict calldata verdict, Signature[] calldata signatures) external returns (uint256 slashed) {
        if (block.timestamp > verdict.deadline) revert Expired(verdict.deadline, block.timestamp);
        if (isDecided[verdict.caseId]) revert AlreadyDecided(verdict.caseId);
        _requireSigned(verdictDigest(verdict), signatures);
        isDecided[verdict.caseId] = true;
        slashed = escrow.slash(
            verdict.owner, verdict.operator, verdict.token, verdict.amount, verdict.beneficiary, verdict.caseId
        );
        emit Decided(verdict.caseId, slashed);
    }

    /// @notice What a member signs: Verdict(bytes32 caseId,address owner,address operator,address token,uint96
    ///         amount,address beneficiary,uint64 deadline), under the domain name "Rerig Arbiter", version "1", the
    ///         current chain id and this address.
    function verdictDigest(Verdict calldata verdict) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VERDICT_TYPEHASH, verdict)));
    }

    /// @notice The EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @dev Rising addresses are distinct ones. A failed recovery yields the zero address, which is no member.
    function _requireSigned(bytes32 digest, Signature[] calldata signatures) private view {
        if (signatures.length != threshold) revert BadCount(signatures.length, threshold);
        address last;
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer, ECDSA.RecoverError err,) = ECDSA.tryRecover(digest, signatures[i].r, signatures[i].vs);
            if (err != ECDSA.RecoverError.NoError || signer <= last || !isMember[signer]) revert BadSigner(i);
            last = signer;
        }
    }
}

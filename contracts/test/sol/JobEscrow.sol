// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @notice The usual design, to measure ours against: money is locked for each job and claimed for each job. It is as
///         lean as it can be made: one token, two slots a job, both cleared at the claim.
contract JobEscrow is EIP712 {
    using SafeERC20 for IERC20;

    struct Job {
        address requester;
        uint96 amount;
        address rig;
        uint64 deadline;
    }

    bytes32 private constant CLAIM_TYPEHASH = keccak256("Claim(bytes32 job,uint96 amount)");

    IERC20 private immutable TOKEN;
    mapping(bytes32 id => Job) private _jobs;

    event Opened(bytes32 indexed job, address indexed requester, address indexed rig, uint96 amount);
    event Claimed(bytes32 indexed job, uint96 amount);

    error JobExists();
    error BadClaim();
    error BadSignature();

    constructor(IERC20 token) EIP712("JobEscrow", "1") {
        TOKEN = token;
    }

    /// @notice Locks `amount` of the caller's tokens for a job.
    function open(bytes32 job, address rig, uint96 amount, uint64 deadline) external {
        if (_jobs[job].requester != address(0)) revert JobExists();
        _jobs[job] = Job(msg.sender, amount, rig, deadline);
        emit Opened(job, msg.sender, rig, amount);
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @notice Pays the rig what the requester signed and the requester the rest.
    function claim(bytes32 job, uint96 amount, bytes32 r, bytes32 vs) external {
        Job memory j = _jobs[job];
        if (j.rig != msg.sender || amount > j.amount) revert BadClaim();
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(CLAIM_TYPEHASH, job, amount)));
        if (ECDSA.recover(digest, r, vs) != j.requester) revert BadSignature();
        delete _jobs[job];
        emit Claimed(job, amount);
        TOKEN.safeTransfer(j.rig, amount);
        if (amount < j.amount) TOKEN.safeTransfer(j.requester, j.amount - amount);
    }
}

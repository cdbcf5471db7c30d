// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEscrow, Voucher} from "../../src/IEscrow.sol";
import {BlockingToken} from "../../test/sol/BlockingToken.sol";
import {Caller} from "../../test/sol/Caller.sol";
import {Vm} from "./Vm.sol";

/// @notice What identifies a channel.
struct Lane {
    address payer;
    address signer;
    address payee;
    address operator;
    address token;
}

/// @notice The escrow as it ships (the bytes of artifacts/Escrow.json), two tokens, and people. The typed messages are
///         spelled out here a second time, so that a digest the contract gets wrong is one that nobody signed.
/// @dev CODE_Escrow in the environment, creation code in hex, takes the artifact's place: seeded.mjs sets it.
abstract contract World {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    address internal constant NATIVE = address(0);
    uint32 internal constant GRACE = 1 days;
    uint32 internal constant UNBOND_PERIOD = 7 days;

    IEscrow public immutable escrow;
    BlockingToken public immutable usd;

    mapping(address => uint256) internal _keys;
    address internal immutable alice = _person("alice"); // pays
    address internal immutable session = _person("session"); // signs for payers
    address internal immutable spare = _person("spare"); // another signer
    address internal immutable rig = _person("rig"); // operates
    address internal immutable shed = _person("shed"); // another operator
    address internal immutable farm = _person("farm"); // is paid
    address internal immutable mallory = _person("mallory"); // has no part in anything
    // Accounts with code, that can be told to refuse native money; as `usd` can be told to refuse anyone.
    address internal immutable vault = address(new Caller()); // pays
    address internal immutable pool = address(new Caller()); // is paid

    constructor() {
        vm.warp(1_800_000_000);
        usd = new BlockingToken();
        escrow = IEscrow(_deploy("Escrow", abi.encode(GRACE, UNBOND_PERIOD)));
    }

    function _deploy(string memory name, bytes memory arguments) internal returns (address made) {
        bytes memory code = vm.envOr(string.concat("CODE_", name), bytes(""));
        if (code.length == 0) {
            code = vm.parseJsonBytes(vm.readFile(string.concat("artifacts/", name, ".json")), ".bytecode");
        }
        code = bytes.concat(code, arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), "it does not deploy");
    }

    function _person(string memory name) internal returns (address person) {
        uint256 key = uint256(keccak256(bytes(name)));
        person = vm.addr(key);
        _keys[person] = key;
    }

    // Calls

    function _call(address from, uint256 value, bytes memory data) internal returns (bool ok, bytes memory out) {
        vm.prank(from);
        (ok, out) = address(escrow).call{value: value}(data);
    }

    /// @dev Passes a failure on, which fails the test or, in a handler, the invariant run.
    function _must(address from, bytes memory data) internal returns (bytes memory) {
        return _must(from, 0, data);
    }

    function _must(address from, uint256 value, bytes memory data) internal virtual returns (bytes memory) {
        (bool ok, bytes memory out) = _call(from, value, data);
        if (!ok) _bubble(out);
        return out;
    }

    function _bubble(bytes memory reason) internal pure {
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    /// @dev Fails unless the call fails with this error.
    function _mustFail(address from, bytes memory data, bytes4 reason) internal {
        _mustFail(from, 0, data, reason);
    }

    function _mustFail(address from, uint256 value, bytes memory data, bytes4 reason) internal {
        (bool ok, bytes memory out) = _call(from, value, data);
        vm.assertTrue(!ok, "the call should have failed");
        vm.assertEq(bytes32(bytes4(out)), bytes32(reason), "failed for another reason");
    }

    // Money

    /// @dev Puts `amount` into a wallet, whatever its owner refuses, and lets the escrow take it.
    function _mint(address to, address token, uint256 amount) internal {
        if (token == NATIVE) {
            vm.deal(to, to.balance + amount);
            return;
        }
        bool blocked = usd.blocked(to);
        if (blocked) usd.setBlocked(to, false);
        usd.mint(to, amount);
        if (blocked) usd.setBlocked(to, true);
        vm.prank(to);
        usd.approve(address(escrow), type(uint256).max);
    }

    function _deposit(address owner, address token, uint96 amount) internal {
        _mint(owner, token, amount);
        if (token == NATIVE) _must(owner, amount, abi.encodeCall(IEscrow.depositNative, (owner)));
        else _must(owner, abi.encodeCall(IEscrow.deposit, (token, owner, amount)));
    }

    function _wallet(address owner, address token) internal view returns (uint256) {
        return token == NATIVE ? owner.balance : usd.balanceOf(owner);
    }

    /// @dev What someone has that is not in a channel or bond.
    function _holding(address owner, address token) internal view returns (uint256) {
        return _wallet(owner, token) + escrow.balanceOf(owner, token);
    }

    function _fund(Lane memory l, uint96 amount) internal {
        _deposit(l.payer, l.token, amount);
        _must(l.payer, abi.encodeCall(IEscrow.fund, (l.payee, l.operator, l.signer, l.token, amount)));
    }

    function _openWith(Lane memory l, uint96 funded, uint96 claimed) internal {
        _fund(l, funded);
        if (claimed != 0) {
            Voucher memory v = _voucher(l, escrow.channel(_id(l)).epoch, claimed);
            _must(mallory, abi.encodeCall(IEscrow.redeem, (l.payee, l.operator, l.token, v, false)));
        }
    }

    function _lane() internal view returns (Lane memory) {
        return Lane(alice, session, farm, rig, address(usd));
    }

    // Signatures

    function _id(Lane memory l) internal pure returns (bytes32) {
        return keccak256(abi.encode(l.payer, l.signer, l.payee, l.operator, l.token));
    }

    function _typed(uint256 chain, address home, bytes32 message) internal pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Rerig"),
                keccak256("1"),
                chain,
                home
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", domain, message));
    }

    function _voucherHash(Lane memory l, uint32 epoch, uint96 cumulative) internal pure returns (bytes32) {
        bytes32 kind = keccak256("Voucher(bytes32 channelId,uint32 epoch,uint96 cumulative)");
        return keccak256(abi.encode(kind, _id(l), epoch, cumulative));
    }

    function _voucher(Lane memory l, uint32 epoch, uint96 cumulative) internal view returns (Voucher memory) {
        return _signed(l, l.signer, block.chainid, address(escrow), epoch, cumulative);
    }

    /// @dev A voucher signed by any key, for any chain and contract.
    function _signed(Lane memory l, address by, uint256 chain, address home, uint32 epoch, uint96 cumulative)
        internal
        view
        returns (Voucher memory v)
    {
        v = Voucher({payer: l.payer, signer: l.signer, epoch: epoch, cumulative: cumulative, r: 0, vs: 0});
        (v.r, v.vs) = vm.signCompact(_keys[by], _typed(chain, home, _voucherHash(l, epoch, cumulative)));
    }

    function _consent(Lane memory l, address by, uint32 epoch, uint96 finalCumulative)
        internal
        view
        returns (bytes32 r, bytes32 vs)
    {
        return _consentFor(l, by, block.chainid, address(escrow), epoch, finalCumulative);
    }

    function _consentFor(Lane memory l, address by, uint256 chain, address home, uint32 epoch, uint96 finalCumulative)
        internal
        view
        returns (bytes32 r, bytes32 vs)
    {
        bytes32 kind = keccak256("Close(bytes32 channelId,uint32 epoch,uint96 finalCumulative)");
        bytes32 message = keccak256(abi.encode(kind, _id(l), epoch, finalCumulative));
        return vm.signCompact(_keys[by], _typed(chain, home, message));
    }

    function _closeByPayer(Lane memory l, uint96 finalCumulative, bytes32 r, bytes32 vs, bool payout)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(
            IEscrow.closeByPayer, (l.payee, l.operator, l.signer, l.token, finalCumulative, r, vs, payout)
        );
    }

    function _packed(Voucher memory v) internal pure returns (bytes memory) {
        return abi.encodePacked(v.payer, v.signer, v.epoch, v.cumulative, v.r, v.vs);
    }

    function _between(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + x % (high - low + 1);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Authorization, Funding, IEscrow} from "../../src/IEscrow.sol";
import {TestUSD} from "../../src/TestUSD.sol";
import {FeeToken} from "../../test/sol/FeeToken.sol";
import {Lane, World} from "./World.sol";

/// @notice The ways in, above all those by signature: only the owner's own word moves its money, and to where it said.
contract DepositTest is World {
    bytes32 private constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function testFuzz_PermitDepositsForAnyAccount(uint96 amount, address owner) external {
        amount = uint96(_between(amount, 1, type(uint96).max));
        if (owner == address(0)) owner = farm;
        usd.mint(alice, amount);
        (bytes32 r, bytes32 vs) = _permit(alice, address(escrow), amount, block.timestamp);
        _must(alice, _withPermit(owner, amount, block.timestamp, r, vs));
        vm.assertEq(escrow.balanceOf(owner, address(usd)), amount, "credited");
        vm.assertEq(usd.allowance(alice, address(escrow)), 0, "nothing stays approved");
    }

    function testFuzz_PermitThatSomebodySentBeforeIsNoLoss(uint96 amount) external {
        amount = uint96(_between(amount, 1, type(uint96).max));
        usd.mint(alice, amount);
        (bytes32 r, bytes32 vs) = _permit(alice, address(escrow), amount, block.timestamp);
        usd.permit(alice, address(escrow), amount, block.timestamp, uint8(uint256(vs) >> 255) + 27, r, vs << 1 >> 1);
        _must(alice, _withPermit(alice, amount, block.timestamp, r, vs));
        vm.assertEq(escrow.balanceOf(alice, address(usd)), amount, "credited");
    }

    function testFuzz_PermitServesOnlyItsOwner(uint96 amount, uint96 other, uint256 late) external {
        amount = uint96(_between(amount, 1, 1e18));
        usd.mint(alice, type(uint96).max);
        bytes4 refusal = bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)"));
        (bytes32 r, bytes32 vs) = _permit(alice, address(escrow), amount, block.timestamp);
        _mustFail(mallory, _withPermit(mallory, amount, block.timestamp, r, vs), refusal);
        _mustFail(alice, _withPermit(alice, amount + 1 + other % 1e18, block.timestamp, r, vs), refusal);
        (r, vs) = _permit(alice, mallory, amount, block.timestamp);
        _mustFail(alice, _withPermit(alice, amount, block.timestamp, r, vs), refusal);
        (r, vs) = _permit(alice, address(escrow), amount, block.timestamp - 1 - late % 1e6);
        _mustFail(alice, _withPermit(alice, amount, block.timestamp - 1 - late % 1e6, r, vs), refusal);
        vm.assertEq(usd.balanceOf(alice), type(uint96).max, "alice's money moved");
    }

    function testFuzz_AuthorizationCreditsTheAccountItNamesOnce(uint96 amount, address owner, bytes32 salt) external {
        amount = uint96(_between(amount, 1, type(uint96).max - 1));
        if (owner == address(0) || owner == farm) owner = alice;
        usd.mint(alice, type(uint96).max);
        Authorization memory a = _authorize(amount, escrow.depositNonce(owner, salt), salt);
        bytes4 bad = bytes4(keccak256("ERC3009InvalidSignature()"));
        _mustFail(mallory, _deposit3009(alice, farm, amount, a), bad);
        _mustFail(mallory, _deposit3009(alice, owner, amount + 1, a), bad);
        _mustFail(mallory, _deposit3009(farm, owner, amount, a), bad);
        Authorization memory other = _authorize(amount, escrow.depositNonce(owner, salt), ~salt);
        _mustFail(mallory, _deposit3009(alice, owner, amount, other), bad);
        _must(mallory, _deposit3009(alice, owner, amount, a));
        vm.assertEq(escrow.balanceOf(owner, address(usd)), amount, "credited");
        bytes4 used = bytes4(keccak256("ERC3009UsedAuthorization(address,bytes32)"));
        _mustFail(mallory, _deposit3009(alice, owner, amount, a), used);
    }

    function testFuzz_AuthorizationFundsTheChannelItNamesOnce(uint96 amount, bytes32 salt, uint256 part) external {
        amount = uint96(_between(amount, 1, 1e18));
        usd.mint(alice, type(uint96).max);
        Lane memory l = _lane();
        Authorization memory a = _authorize(amount, escrow.openNonce(_id(l), salt), salt);
        bytes4 bad = bytes4(keccak256("ERC3009InvalidSignature()"));
        Lane memory other = _lane();
        part %= 4;
        if (part == 0) other.payee = mallory;
        else if (part == 1) other.operator = mallory;
        else if (part == 2) other.signer = mallory;
        else other.payer = farm;
        _mustFail(mallory, _open3009(other, amount, a), bad);
        _mustFail(mallory, _open3009(l, amount + 1, a), bad);
        _mustFail(mallory, _deposit3009(alice, alice, amount, a), bad);
        _must(mallory, _open3009(l, amount, a));
        vm.assertEq(escrow.channel(_id(l)).funded, amount, "funded");
        vm.assertEq(_holding(alice, address(usd)), type(uint96).max - amount, "paid once");
        bytes4 used = bytes4(keccak256("ERC3009UsedAuthorization(address,bytes32)"));
        _mustFail(mallory, _open3009(l, amount, a), used);
        a = _authorize(amount, escrow.depositNonce(alice, salt), salt);
        _mustFail(mallory, _open3009(l, amount, a), bad);
    }

    function testFuzz_NoncesAreThoseOfTheSpecification(address owner, bytes32 id, bytes32 salt) external view {
        bytes32 want = keccak256(abi.encode(keccak256("Rerig deposit"), owner, salt));
        vm.assertEq(escrow.depositNonce(owner, salt), want, "deposit");
        vm.assertEq(escrow.openNonce(id, salt), keccak256(abi.encode(id, salt)), "open");
    }

    function testFuzz_NativeMoneyCountsOnce(uint96 amount, uint8 times) external {
        amount = uint96(_between(amount, 1, 1e24));
        vm.deal(mallory, 3 * uint256(amount));
        _deposit(alice, NATIVE, 1e24); // what there is to steal
        bytes[] memory calls = new bytes[](_between(times, 1, 4));
        for (uint256 i = 0; i < calls.length; ++i) {
            calls[i] = abi.encodeCall(IEscrow.depositNative, (mallory));
        }
        bytes memory data = abi.encodeCall(IEscrow.multicall, (calls));
        (bool ok,) = _call(mallory, amount, data);
        vm.assertTrue(!ok, "a multicall took native money");
        _mustFail(mallory, data, IEscrow.ZeroAmount.selector);
        Lane memory l = _lane();
        l.token = NATIVE;
        bytes memory fund = abi.encodeCall(IEscrow.depositAndFund, (farm, rig, session, NATIVE, amount));
        _mustFail(mallory, amount - 1, fund, IEscrow.BadValue.selector);
        _mustFail(mallory, uint256(amount) + 1, fund, IEscrow.BadValue.selector);
        fund = abi.encodeCall(IEscrow.depositAndFund, (farm, rig, session, address(usd), amount));
        _mustFail(mallory, amount, fund, IEscrow.BadValue.selector);
        vm.assertEq(escrow.balanceOf(mallory, NATIVE), 0, "credited without paying");
    }

    function testFuzz_MulticallIsItsCallsInOrderAllOrNone(uint96 amount, uint96 taken) external {
        amount = uint96(_between(amount, 2, type(uint96).max / 2));
        _deposit(alice, address(usd), amount);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(IEscrow.fund, (farm, rig, session, address(usd), amount / 2));
        calls[1] = abi.encodeCall(IEscrow.withdraw, (address(usd), alice, taken));
        (bool ok,) = _call(alice, 0, abi.encodeCall(IEscrow.multicall, (calls)));
        vm.assertTrue(ok == (taken != 0 && taken <= amount - amount / 2), "all or none");
        vm.assertEq(escrow.channel(_id(_lane())).funded, ok ? amount / 2 : 0, "funded");
        vm.assertEq(usd.balanceOf(alice), ok ? taken : 0, "withdrawn");
        _mustFail(mallory, abi.encodeCall(IEscrow.multicall, (calls)), IEscrow.InsufficientBalance.selector);
    }

    function testFuzz_FundManyTakesTheSum(uint96[3] memory amounts) external {
        Funding[] memory lines = new Funding[](3);
        uint256 total;
        for (uint256 i = 0; i < 3; ++i) {
            amounts[i] = uint96(_between(amounts[i], 1, type(uint96).max / 4));
            total += amounts[i];
            lines[i] = Funding(farm, rig, i == 2 ? spare : session, amounts[i]);
        }
        _deposit(alice, address(usd), uint96(total - 1));
        bytes memory data = abi.encodeCall(IEscrow.fundMany, (address(usd), lines));
        _mustFail(alice, data, IEscrow.InsufficientBalance.selector);
        _deposit(alice, address(usd), 1);
        _must(alice, data);
        vm.assertEq(escrow.balanceOf(alice, address(usd)), 0, "taken");
        vm.assertEq(escrow.channel(_id(_lane())).funded, uint256(amounts[0]) + amounts[1], "the same channel twice");
    }

    function testFuzz_TokenThatTakesAFeeIsRefused(uint96 amount) external {
        amount = uint96(_between(amount, 100, type(uint96).max));
        FeeToken token = new FeeToken();
        token.mint(alice, amount);
        vm.prank(alice);
        token.approve(address(escrow), amount);
        bytes4 refusal = IEscrow.InexactTransfer.selector;
        _mustFail(alice, abi.encodeCall(IEscrow.deposit, (address(token), alice, amount)), refusal);
        bytes memory fund = abi.encodeCall(IEscrow.depositAndFund, (farm, rig, session, address(token), amount));
        _mustFail(alice, fund, refusal);
    }

    function testFuzz_ChannelHoldsNoMoreThanItsField(uint96 first, uint96 second) external {
        first = uint96(_between(first, 1, type(uint96).max));
        second = uint96(_between(second, 1, type(uint96).max));
        Lane memory l = _lane();
        _fund(l, first);
        _deposit(alice, address(usd), second);
        bytes memory data = abi.encodeCall(IEscrow.fund, (farm, rig, session, address(usd), second));
        if (uint256(first) + second > type(uint96).max) _mustFail(alice, data, IEscrow.TooMuch.selector);
        else _must(alice, data);
    }

    function _withPermit(address owner, uint96 amount, uint256 deadline, bytes32 r, bytes32 vs)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(IEscrow.depositWithPermit, (address(usd), owner, amount, deadline, r, vs));
    }

    function _deposit3009(address from, address owner, uint96 amount, Authorization memory a)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(IEscrow.depositWithAuthorization, (address(usd), from, owner, amount, a));
    }

    function _open3009(Lane memory l, uint96 amount, Authorization memory a) private pure returns (bytes memory) {
        return abi.encodeCall(
            IEscrow.depositAndFundWithAuthorization, (l.payer, l.payee, l.operator, l.signer, l.token, amount, a)
        );
    }

    function _permit(address owner, address spender, uint256 amount, uint256 deadline)
        private
        view
        returns (bytes32, bytes32)
    {
        bytes32 message = keccak256(abi.encode(PERMIT, owner, spender, amount, usd.nonces(owner), deadline));
        return vm.signCompact(_keys[owner], _ofToken(message));
    }

    /// @dev Alice's, good for an hour.
    function _authorize(uint256 amount, bytes32 nonce, bytes32 salt) private view returns (Authorization memory a) {
        a = Authorization(block.timestamp - 1, block.timestamp + 1 hours, salt, 0, 0);
        bytes32 message =
            keccak256(abi.encode(RECEIVE, alice, address(escrow), amount, a.validAfter, a.validBefore, nonce));
        (a.r, a.vs) = vm.signCompact(_keys[alice], _ofToken(message));
    }

    function _ofToken(bytes32 message) private view returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", usd.DOMAIN_SEPARATOR(), message));
    }
}

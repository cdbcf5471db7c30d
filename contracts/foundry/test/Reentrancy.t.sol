// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Authorization, Funding, IEscrow, Voucher} from "../../src/IEscrow.sol";
import {Caller} from "../../test/sol/Caller.sol";
import {HookToken} from "../../test/sol/HookToken.sol";
import {Lane, World} from "./World.sol";

/// @notice Who is being paid, and who is paying with a token that tells it, can change nothing in the middle of it.
contract ReentrancyTest is World {
    bytes4 private constant REFUSAL = bytes4(keccak256("ReentrancyGuardReentrantCall()"));

    uint256 private constant FUNCTIONS = 19;
    uint96 private constant AMOUNT = 1000;

    function test_NothingGetsInDuringAPayout() external {
        Lane memory l = Lane(alice, session, pool, rig, NATIVE);
        _deposit(pool, NATIVE, AMOUNT);
        _fund(l, AMOUNT);
        Voucher memory v = _voucher(l, 0, AMOUNT / 2);
        bytes memory redeem = abi.encodeCall(IEscrow.redeem, (pool, rig, NATIVE, v, true));
        bytes memory close = abi.encodeCall(IEscrow.closeByPayee, (pool, rig, NATIVE, v, true));
        for (uint256 i = 0; i < FUNCTIONS; ++i) {
            uint256 start = vm.snapshotState();
            Caller(payable(pool)).arm(address(escrow), _calls(l, v)[i]);
            _must(pool, abi.encodeCall(IEscrow.withdraw, (NATIVE, pool, AMOUNT / 2)));
            _kept(pool, 1);
            _must(pool, i % 2 == 0 ? redeem : close);
            _kept(pool, 2);
            vm.revertToState(start);
        }
    }

    function test_NothingGetsInDuringARefund() external {
        Lane memory l = Lane(vault, session, farm, rig, NATIVE);
        _fund(l, AMOUNT);
        (bytes32 r, bytes32 vs) = _consent(l, rig, 0, AMOUNT / 2);
        for (uint256 i = 0; i < FUNCTIONS; ++i) {
            uint256 start = vm.snapshotState();
            Caller(payable(vault)).arm(address(escrow), _calls(l, _voucher(l, 0, 1))[i]);
            _must(vault, _closeByPayer(l, AMOUNT / 2, r, vs, true));
            _kept(vault, 1);
            vm.revertToState(start);
        }
    }

    function test_NothingGetsInDuringADeposit() external {
        HookToken token = new HookToken();
        token.mint(vault, AMOUNT);
        vm.prank(vault);
        token.approve(address(escrow), AMOUNT);
        Lane memory l = Lane(vault, session, farm, rig, address(token));
        for (uint256 i = 0; i < FUNCTIONS; ++i) {
            uint256 start = vm.snapshotState();
            Caller(payable(vault)).arm(address(escrow), _calls(l, _voucher(l, 0, 1))[i]);
            _must(vault, abi.encodeCall(IEscrow.depositAndFund, (farm, rig, session, address(token), AMOUNT / 2)));
            _kept(vault, 1);
            _must(vault, abi.encodeCall(IEscrow.deposit, (address(token), vault, AMOUNT / 2)));
            _kept(vault, 2);
            vm.revertToState(start);
        }
    }

    /// @dev Every function that changes anything.
    function _calls(Lane memory l, Voucher memory v) private pure returns (bytes[FUNCTIONS] memory calls) {
        Authorization memory a;
        calls[0] = abi.encodeCall(IEscrow.deposit, (l.token, l.payer, 1));
        calls[1] = abi.encodeCall(IEscrow.depositNative, (l.payer));
        calls[2] = abi.encodeCall(IEscrow.depositWithPermit, (l.token, l.payer, 1, 0, 0, 0));
        calls[3] = abi.encodeCall(IEscrow.depositWithAuthorization, (l.token, l.payer, l.payer, 1, a));
        calls[4] = abi.encodeCall(IEscrow.withdraw, (l.token, l.payee, 1));
        calls[5] = abi.encodeCall(IEscrow.fund, (l.payee, l.operator, l.signer, l.token, 1));
        calls[6] = abi.encodeCall(IEscrow.fundMany, (l.token, new Funding[](0)));
        calls[7] = abi.encodeCall(IEscrow.depositAndFund, (l.payee, l.operator, l.signer, l.token, 0));
        calls[8] = abi.encodeCall(
            IEscrow.depositAndFundWithAuthorization, (l.payer, l.payee, l.operator, l.signer, l.token, 1, a)
        );
        calls[9] = abi.encodeCall(IEscrow.redeem, (l.payee, l.operator, l.token, v, true));
        calls[10] = abi.encodeCall(IEscrow.redeemMany, (l.payee, l.operator, l.token, new Voucher[](0), true));
        calls[11] = abi.encodeCall(IEscrow.redeemPacked, (l.payee, l.operator, l.token, _packed(v), true));
        calls[12] = abi.encodeCall(IEscrow.requestClose, (l.payee, l.operator, l.signer, l.token));
        calls[13] = abi.encodeCall(IEscrow.finalizeClose, (l.payee, l.operator, l.signer, l.token, true));
        calls[14] = abi.encodeCall(IEscrow.closeByPayee, (l.payee, l.operator, l.token, v, true));
        calls[15] = abi.encodeCall(IEscrow.bond, (l.operator, l.token, l.signer, 1));
        calls[16] = abi.encodeCall(IEscrow.unbond, (l.operator, l.token, l.signer, 1));
        calls[17] = abi.encodeCall(IEscrow.slash, (l.payer, l.operator, l.token, 1, l.payee, "case"));
        calls[18] = abi.encodeCall(IEscrow.releaseBond, (l.operator, l.token, l.signer));
    }

    /// @dev It was tried this often, and each time the lock held.
    function _kept(address who, uint256 times) private view {
        Caller caller = Caller(payable(who));
        vm.assertEq(caller.attempts(), times, "the recipient was not called");
        vm.assertTrue(!caller.reentered(), "it got in");
        vm.assertEq(bytes32(caller.reason()), bytes32(REFUSAL), "refused, but not by the lock");
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bond, Channel, IEscrow, Voucher} from "../../src/IEscrow.sol";
import {Caller} from "../../test/sol/Caller.sol";
import {Lane, World} from "./World.sol";

/// @notice What the handlers write down about every call, independently of the contract, and the first breach of each
///         invariant. The numbers are those of Invariants.t.sol.
abstract contract Ghosts is World {
    /// @notice A signed voucher that anybody may have seen.
    struct Promise {
        uint256 lane;
        Voucher voucher;
    }

    uint256 internal constant LANES = 9;
    uint256 internal constant MAX_PROMISES = 48;

    Lane[LANES] internal _lanes;
    Promise[] internal _promises;

    mapping(uint256 lane => mapping(uint32 epoch => uint256)) public agreed; // highest sum the payer's side signed
    mapping(uint256 lane => mapping(uint32 epoch => uint256)) public paid; // what reached the payee
    mapping(address owner => mapping(address token => uint256)) public minted;
    mapping(address owner => mapping(address token => uint256)) public slashed;
    mapping(address token => uint256) public strays; // sent to the escrow outside its functions
    uint256[LANES] public deadline; // from when the payer may leave; zero while no close runs

    /// @notice Two bonds of one owner, that differ in their slasher.
    address[2] internal _slashers = [session, spare];
    uint256[2] internal _freeAt;

    mapping(uint256 invariantNumber => string) public breach;

    Channel[LANES] private _was;
    uint256[2] private _bondWas;
    bool[LANES] internal _mayEnd; // in the call under way
    bool[2] internal _mayShrink;

    constructor() {
        Lane memory base = _lane();
        // Each differs from the first in one part of the tuple, so that a part that is forgotten is noticed.
        for (uint256 i = 0; i < LANES; ++i) {
            _lanes[i] = base;
        }
        _lanes[1].payer = vault;
        _lanes[2].signer = spare;
        _lanes[3].payee = pool;
        _lanes[4].operator = shed;
        _lanes[5].token = NATIVE;
        _lanes[6] = Lane(vault, spare, pool, shed, NATIVE);
        _lanes[7].signer = alice; // a payer may sign itself,
        _lanes[8] = Lane(vault, rig, rig, rig, address(usd)); // and a rig may be its own payee
    }

    uint256 private _hot;
    uint256 private _choices;

    /// @dev Mostly the lane of the call before, so that a run leads one lane far instead of many a little.
    function _focus(uint256 seed) internal returns (uint256) {
        uint256 choice = uint256(keccak256(abi.encode(seed, _choices++)));
        if (choice % 8 == 0) _hot = choice / 8 % LANES;
        return _hot;
    }

    /// @dev Compares the world before and after each call of a handler.
    modifier watched() {
        for (uint256 i = 0; i < LANES; ++i) {
            _was[i] = _channel(i);
            _mayEnd[i] = false;
        }
        for (uint256 i = 0; i < 2; ++i) {
            _bondWas[i] = _bonded(i);
            _mayShrink[i] = false;
        }
        _;
        for (uint256 i = 0; i < LANES; ++i) {
            Channel memory now_ = _channel(i);
            bool ended = now_.epoch > _was[i].epoch;
            if (now_.epoch < _was[i].epoch || (!ended && now_.claimed < _was[i].claimed)) _breach(3, "it fell");
            if (ended && !_mayEnd[i]) _breach(7, "a channel ended that nobody could end");
            if (!ended && now_.funded < _was[i].funded) _breach(7, "money left an open channel");
        }
        for (uint256 i = 0; i < 2; ++i) {
            if (_bonded(i) < _bondWas[i] && !_mayShrink[i]) _breach(8, "a bond shrank");
        }
    }

    function _breach(uint256 number, string memory what) internal {
        if (bytes(breach[number]).length == 0) breach[number] = what;
    }

    // What the invariants read

    function channelCount() external pure returns (uint256) {
        return LANES;
    }

    function channelOf(uint256 i) external view returns (Channel memory) {
        return _channel(i);
    }

    function payers() external view returns (address[2] memory) {
        return [alice, vault];
    }

    /// @notice What the escrow owes to everybody in `token`.
    function owed(address token) external view returns (uint256 sum) {
        address[10] memory everybody = _everybody();
        for (uint256 i = 0; i < everybody.length; ++i) {
            sum += escrow.balanceOf(everybody[i], token);
        }
        for (uint256 i = 0; i < LANES; ++i) {
            Channel memory ch = _channel(i);
            if (_lanes[i].token == token) sum += ch.funded - ch.claimed;
        }
        if (token == address(usd)) sum += _bonded(0) + _bonded(1);
    }

    /// @notice What a payer has, wherever it is, and what it should have: all it ever had less what it spent.
    function wealth(address owner, address token) external view returns (uint256 has, uint256 should) {
        has = _holding(owner, token);
        should = minted[owner][token] - slashed[owner][token];
        for (uint256 i = 0; i < LANES; ++i) {
            if (_lanes[i].payer != owner || _lanes[i].token != token) continue;
            Channel memory ch = _channel(i);
            has += ch.funded - ch.claimed;
            for (uint32 e = 0; e <= ch.epoch; ++e) {
                should -= paid[i][e];
            }
        }
        if (owner == alice && token == address(usd)) has += _bonded(0) + _bonded(1);
    }

    /// @notice What those hold to whom nothing is ever due.
    function outsidersHold() external view returns (uint256 sum) {
        address[4] memory outsiders = [session, spare, shed, mallory];
        for (uint256 i = 0; i < outsiders.length; ++i) {
            sum += _holding(outsiders[i], address(usd)) + _holding(outsiders[i], NATIVE);
        }
    }

    // What the handlers share

    function _everybody() internal view returns (address[10] memory) {
        return [alice, session, spare, rig, shed, farm, mallory, vault, pool, address(this)];
    }

    function _channel(uint256 i) internal view returns (Channel memory) {
        return escrow.channel(_id(_lanes[i]));
    }

    function _bondTerms(uint256 i) internal view returns (Bond memory) {
        return escrow.bondOf(keccak256(abi.encode(alice, rig, address(usd), _slashers[i])));
    }

    function _bonded(uint256 i) internal view returns (uint256) {
        Bond memory b = _bondTerms(i);
        return uint256(b.active) + b.unbonding;
    }

    function _refuses(address who, address token) internal view returns (bool) {
        if (token != NATIVE) return usd.blocked(who);
        return who.code.length != 0 && Caller(payable(who)).refusing();
    }

    function _anyoneRefuses() private view returns (bool) {
        return _refuses(vault, NATIVE) || _refuses(pool, NATIVE) || usd.blocked(vault) || usd.blocked(pool)
            || usd.blocked(farm);
    }

    /// @dev A call that is right and fails while somebody refuses money is a breach; while nobody does, a failed run.
    function _must(address from, uint256 value, bytes memory data) internal override returns (bytes memory) {
        (bool ok, bytes memory out) = _call(from, value, data);
        if (!ok && _anyoneRefuses()) _breach(11, "a recipient that refuses blocks others");
        if (!ok) _bubble(out);
        return out;
    }

    /// @dev A call that must not be possible.
    function _refused(uint256 number, address from, bytes memory data, bytes4 reason, string memory what) internal {
        (bool ok, bytes memory out) = _call(from, 0, data);
        if (ok) _breach(number, what);
        else if (bytes4(out) != reason) _breach(number, string.concat(what, ": refused for another reason"));
    }

    function _earn(address owner, address token, uint96 amount) internal {
        minted[owner][token] += amount;
        _deposit(owner, token, amount);
    }

    function _remember(uint256 lane, Voucher memory v) internal {
        if (_promises.length < MAX_PROMISES) _promises.push(Promise(lane, v));
        else _promises[uint256(v.r) % MAX_PROMISES] = Promise(lane, v);
        if (v.cumulative > agreed[lane][v.epoch]) agreed[lane][v.epoch] = v.cumulative;
    }
}

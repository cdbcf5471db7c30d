package protocol

import (
	"math/big"

	"github.com/holiman/uint256"
)

// Unit is what a job is metered in (SPEC §5.4).
type Unit string

// Units. Recountable says which of them the requester can count for itself.
const (
	UnitCPUMillis Unit = "cpu_ms"    // CPU milliseconds of the sandbox, by the rig's kernel
	UnitGPUMillis Unit = "gpu_ms"    // GPU milliseconds held
	UnitTokenIn   Unit = "token_in"  // prompt tokens
	UnitTokenOut  Unit = "token_out" // generated tokens
	UnitBytesOut  Unit = "bytes_out" // bytes sent to the requester
)

// Recountable reports whether the requester can recount the unit from what it
// received, without trusting the rig's clock.
func (u Unit) Recountable() bool {
	return u == UnitTokenIn || u == UnitTokenOut || u == UnitBytesOut
}

// Valid reports whether the unit is one this version knows.
func (u Unit) Valid() bool {
	switch u {
	case UnitCPUMillis, UnitGPUMillis, UnitTokenIn, UnitTokenOut, UnitBytesOut:
		return true
	}
	return false
}

// Price is what one million units cost, in the token's base unit (µUSDC per
// million CPU milliseconds, say). A million, as in "per 1M tokens", keeps the
// price of one unit exact where it is far below the base unit.
type Price struct {
	Unit       Unit   `cbor:"1,keyasint" json:"unit"`
	PerMillion Amount `cbor:"2,keyasint" json:"per_million"`
}

const million = 1_000_000

// Cost is ceil(units × price / 10^6): the whole cost so far, so that rounding
// never adds up over ticks (SPEC §7.2). The error is an overflow of 96 bits.
func (p Price) Cost(units uint64) (Amount, error) {
	var prod, q, r uint256.Int
	prod.Mul(uint256.NewInt(units), &p.PerMillion.v) // 64+96 bits: cannot overflow
	q.DivMod(&prod, uint256.NewInt(million), &r)
	if !r.IsZero() {
		q.AddUint64(&q, 1)
	}
	if q.Gt(&maxAmount) {
		return Amount{}, fieldErr("cost", "below 2^96", q.Dec())
	}
	return Amount{v: q}, nil
}

// Buys is the largest number of units whose Cost is within the budget.
func (p Price) Buys(budget Amount) uint64 {
	if p.PerMillion.IsZero() {
		return 1<<64 - 1
	}
	var prod uint256.Int
	prod.Mul(&budget.v, uint256.NewInt(million))
	prod.Div(&prod, &p.PerMillion.v)
	if !prod.IsUint64() {
		return 1<<64 - 1
	}
	return prod.Uint64()
}

// PerHour is the number of whole tokens for an hour of a time unit, for people. Rates
// are whole only per million milliseconds, so its last digit means nothing and is
// rounded away; costs are computed by Cost.
func (p Price) PerHour(decimals int) string {
	v := new(big.Int).Mul(p.PerMillion.Big(), big.NewInt(3_600_000))
	v.Div(v, big.NewInt(million))
	if ten := big.NewInt(10); v.Cmp(big.NewInt(1000)) > 0 {
		v.Add(v, big.NewInt(5)).Div(v, ten).Mul(v, ten)
	}
	a, err := AmountFromBig(v)
	if err != nil { // 2^96 times 3.6
		return "over 2^96"
	}
	return a.Units(decimals)
}

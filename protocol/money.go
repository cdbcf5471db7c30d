package protocol

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/holiman/uint256"
)

// Amount is money in the token's base unit (wei for the native token, µUSDC for
// a six-decimals stablecoin). It is an unsigned 96-bit integer, the width the
// escrow stores (SPEC §7.1); arithmetic that would leave the range is an error.
// The zero value is zero. Amounts compare with ==.
type Amount struct{ v uint256.Int }

var maxAmount = func() uint256.Int {
	var m uint256.Int
	m.Lsh(uint256.NewInt(1), 96)
	m.SubUint64(&m, 1)
	return m
}()

// NewAmount makes an amount of base units.
func NewAmount(baseUnits uint64) (a Amount) {
	a.v.SetUint64(baseUnits)
	return a
}

// AmountFromBig converts a chain integer; negative or wider than 96 bits is an error.
func AmountFromBig(b *big.Int) (Amount, error) {
	if b == nil || b.Sign() < 0 || b.BitLen() > 96 {
		return Amount{}, fieldErr("amount", "between 0 and 2^96-1", b)
	}
	var a Amount
	a.v.SetFromBig(b)
	return a, nil
}

// ParseAmount reads a decimal integer of base units.
func ParseAmount(s string) (Amount, error) {
	var a Amount
	if len(s) > 29 || s == "" || s[0] == '+' {
		return Amount{}, fieldErr("amount", "a decimal integer below 2^96", s)
	}
	if err := a.v.SetFromDecimal(s); err != nil || a.v.Gt(&maxAmount) {
		return Amount{}, fieldErr("amount", "a decimal integer below 2^96", s)
	}
	return a, nil
}

// ParseUnits reads a decimal number of whole tokens such as "0.05" for a token
// with the given decimals. More fractional digits than the token has are an error:
// money is never rounded silently.
func ParseUnits(s string, decimals int) (Amount, error) {
	whole, frac, _ := strings.Cut(s, ".")
	if whole == "" && frac == "" || len(frac) > decimals || strings.ContainsAny(s, "+-_ eExX") {
		return Amount{}, fieldErr("amount", fmt.Sprintf("a decimal number with at most %d fractional digits", decimals), s)
	}
	digits := strings.TrimLeft(whole+frac+strings.Repeat("0", decimals-len(frac)), "0")
	if digits == "" {
		return Amount{}, nil
	}
	return ParseAmount(digits)
}

// Units writes the amount as a decimal number of whole tokens without trailing zeros.
func (a Amount) Units(decimals int) string {
	s := a.v.Dec()
	if decimals <= 0 {
		return s
	}
	if len(s) <= decimals {
		s = strings.Repeat("0", decimals-len(s)+1) + s
	}
	whole, frac := s[:len(s)-decimals], strings.TrimRight(s[len(s)-decimals:], "0")
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}

// Add is a+b, or an error past 2^96-1.
func (a Amount) Add(b Amount) (Amount, error) {
	var r Amount
	if r.v.Add(&a.v, &b.v); r.v.Gt(&maxAmount) {
		return Amount{}, fieldErr("amount", "below 2^96", r.v.Dec())
	}
	return r, nil
}

// Sub is a-b, or an error below zero.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.Less(b) {
		return Amount{}, fieldErr("amount", "at least "+b.String(), a.String())
	}
	var r Amount
	r.v.Sub(&a.v, &b.v)
	return r, nil
}

// Minus is a-b, or zero where b is larger: what is left of a.
func (a Amount) Minus(b Amount) Amount {
	r, err := a.Sub(b)
	if err != nil {
		return Amount{}
	}
	return r
}

// Share is the n-th part, rounded down; of zero parts it is zero.
func (a Amount) Share(n uint64) Amount {
	var q uint256.Int
	q.Div(&a.v, uint256.NewInt(n))
	return Amount{v: q}
}

// Less reports a < b.
func (a Amount) Less(b Amount) bool { return a.v.Lt(&b.v) }

// IsZero reports whether the amount is zero.
func (a Amount) IsZero() bool { return a.v.IsZero() }

// Big is the amount as a new big.Int, for the chain.
func (a Amount) Big() *big.Int { return a.v.ToBig() }

// String is the decimal number of base units.
func (a Amount) String() string { return a.v.Dec() }

// MarshalText implements encoding.TextMarshaler as decimal base units.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.v.Dec()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Amount) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAmount(string(b))
	return err
}

// MarshalCBOR writes the amount as a big-endian byte string without leading
// zeros (SPEC §1.2).
func (a Amount) MarshalCBOR() ([]byte, error) { return Encode(a.v.Bytes()) }

// UnmarshalCBOR reads what MarshalCBOR writes and nothing else.
func (a *Amount) UnmarshalCBOR(b []byte) error {
	var raw []byte
	if err := Decode(b, &raw); err != nil {
		return err
	}
	if len(raw) > 12 || len(raw) > 0 && raw[0] == 0 {
		return fieldErr("amount", "at most 12 bytes without leading zeros", len(raw))
	}
	a.v.SetBytes(raw)
	return nil
}

package protocol

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

var topAmount = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1))

// anyAmount draws amounts of every magnitude.
func anyAmount() *rapid.Generator[Amount] {
	return rapid.Custom(func(t *rapid.T) Amount {
		b := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "amount"))
		return must(AmountFromBig(b))
	})
}

func anyPrice() *rapid.Generator[Price] {
	return rapid.Custom(func(t *rapid.T) Price { return Price{UnitCPUMillis, anyAmount().Draw(t, "price")} })
}

// TestCostProperties holds SPEC §5.4 against math/big.
func TestCostProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, units := anyPrice().Draw(t, "p"), rapid.Uint64().Draw(t, "units")
		want := new(big.Int).Mul(new(big.Int).SetUint64(units), p.PerMillion.Big())
		want.Add(want, big.NewInt(million-1)).Div(want, big.NewInt(million))
		cost, err := p.Cost(units)
		if fits := want.Cmp(topAmount) <= 0; fits != (err == nil) {
			t.Fatalf("cost of %d at %s: %v, exactly %s", units, p.PerMillion, err, want)
		}
		if err == nil && cost.Big().Cmp(want) != 0 {
			t.Fatalf("cost of %d at %s is %s, exactly %s", units, p.PerMillion, cost, want)
		}
	})
	rapid.Check(t, func(t *rapid.T) { // monotone, and a sum of parts never costs less than the whole
		p := anyPrice().Draw(t, "p")
		a, b := rapid.Uint64Max(1<<60).Draw(t, "a"), rapid.Uint64Max(1<<60).Draw(t, "b")
		whole, err := p.Cost(a + b)
		if err != nil {
			t.Skip("overflow")
		}
		first, second := must(p.Cost(a)), must(p.Cost(b))
		if whole.Less(first) || must(first.Add(second)).Less(whole) {
			t.Fatalf("cost(%d)=%s, cost(%d)=%s, together %s", a, first, b, second, whole)
		}
		if one := NewAmount(1); must(whole.Add(one)).Less(must(first.Add(second))) {
			t.Fatalf("rounding adds up: %s and %s for %s", first, second, whole)
		}
	})
	rapid.Check(t, func(t *rapid.T) { // Cost(Buys(b)) ≤ b < Cost(Buys(b)+1)
		p, budget := anyPrice().Draw(t, "p"), anyAmount().Draw(t, "budget")
		n := p.Buys(budget)
		cost, err := p.Cost(n)
		if err != nil || budget.Less(cost) {
			t.Fatalf("%s buys %d, which cost %s (%v)", budget, n, cost, err)
		}
		if n == 1<<64-1 {
			return
		}
		if more, err := p.Cost(n + 1); err == nil && !budget.Less(more) {
			t.Fatalf("%s buys %d, but %d cost only %s", budget, n, n+1, more)
		}
	})
}

func TestAmountProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAmount().Draw(t, "a"), anyAmount().Draw(t, "b")
		sum, err := a.Add(b)
		if exact := new(big.Int).Add(a.Big(), b.Big()); (exact.Cmp(topAmount) <= 0) != (err == nil) || err == nil && sum.Big().Cmp(exact) != 0 {
			t.Fatalf("%s + %s = %s, %v", a, b, sum, err)
		}
		if err == nil && (must(sum.Sub(b)) != a || sum.Minus(a) != b) {
			t.Fatalf("%s + %s - %s is not the first", a, b, b)
		}
		if diff, err := a.Sub(b); (err != nil) != a.Less(b) || err == nil && must(diff.Add(b)) != a {
			t.Fatalf("%s - %s = %s, %v", a, b, diff, err)
		}
		if a.Less(b) && !a.Minus(b).IsZero() {
			t.Fatalf("%s minus %s is %s", a, b, a.Minus(b))
		}
		if a.Less(b) != (a.Big().Cmp(b.Big()) < 0) || (a == b) != (a.Big().Cmp(b.Big()) == 0) {
			t.Fatalf("%s and %s compare wrongly", a, b)
		}
	})
}

func TestAmountForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, decimals := anyAmount().Draw(t, "a"), rapid.IntRange(0, 30).Draw(t, "decimals")
		var fromText, fromCBOR Amount
		if err := fromText.UnmarshalText(must(a.MarshalText())); err != nil || fromText != a {
			t.Fatalf("%s comes back from text as %s (%v)", a, fromText, err)
		}
		if err := Decode(must(Encode(a)), &fromCBOR); err != nil || fromCBOR != a {
			t.Fatalf("%s comes back from CBOR as %s (%v)", a, fromCBOR, err)
		}
		if back, err := ParseUnits(a.Units(decimals), decimals); err != nil || back != a {
			t.Fatalf("%s is %q with %d decimals, which is %s (%v)", a, a.Units(decimals), decimals, back, err)
		}
		if back := must(AmountFromBig(a.Big())); back != a {
			t.Fatalf("%s comes back from the chain as %s", a, back)
		}
	})
}

func TestParseMoney(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // base units of a six-decimals token; "" is an error
	}{
		{"0", "0"}, {"1", "1000000"}, {"0.05", "50000"}, {".5", "500000"}, {"5.", "5000000"}, {"0.000001", "1"}, {"007", "7000000"},
		{"79228162514264337593543.950335", "79228162514264337593543950335"},
		{"79228162514264337593543.950336", ""}, {"99999999999999999999999999999999999", ""}, {"0.0000001", ""}, {"0.0000000", ""},
		{"", ""}, {".", ""}, {"-1", ""}, {"+1", ""}, {"1e3", ""}, {"0x10", ""}, {"1_000", ""}, {"1,5", ""}, {"1.2.3", ""}, {" 1", ""},
		{"1 ", ""}, {"NaN", ""}, {"Inf", ""}, {"١", ""}, {"1\x00", ""},
	} {
		got, err := ParseUnits(c.in, 6)
		if (err == nil) != (c.want != "") || err == nil && got.String() != c.want {
			t.Errorf("%q: got %s (%v), want %q", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "-1", "+1", "1.0", "0x1", "1e9", " 1", "1 ", "1_0", "79228162514264337593543950336", long(1000)} {
		_, err := ParseAmount(bad)
		wantField(t, err, "amount", "2^96")
	}
	for _, bad := range []*big.Int{nil, big.NewInt(-1), new(big.Int).Add(topAmount, big.NewInt(1)), new(big.Int).Lsh(big.NewInt(1), 300)} {
		_, err := AmountFromBig(bad)
		wantField(t, err, "amount", "2^96-1")
	}
	for _, bad := range []string{"4100", "420001", "4d01000000000000000000000000", "01", "6131", "f6", "5f4101ff", "580101"} {
		var a Amount
		if err := Decode(unhexed(t, bad), &a); err == nil {
			t.Errorf("CBOR %s was read as the amount %s", bad, a)
		}
	}
	for _, c := range []struct {
		a        uint64
		decimals int
		want     string
	}{{0, 6, "0"}, {1, 6, "0.000001"}, {1_500_000, 6, "1.5"}, {1_000_000, 6, "1"}, {12, 0, "12"}, {5, 18, "0.000000000000000005"}} {
		if got := NewAmount(c.a).Units(c.decimals); got != c.want {
			t.Errorf("%d with %d decimals is %q, want %q", c.a, c.decimals, got, c.want)
		}
	}
}

// TestShare: what a command divides among its tasks is never more than it was.
func TestShare(t *testing.T) {
	for _, c := range []struct{ of, n, want uint64 }{{10, 3, 3}, {10, 10, 1}, {9, 10, 0}, {7, 1, 7}, {7, 0, 0}} {
		if got := NewAmount(c.of).Share(c.n); got != NewAmount(c.want) {
			t.Errorf("%d in %d parts: %s, want %d", c.of, c.n, got, c.want)
		}
	}
}

package node

import (
	"testing"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/protocol"
)

// TestPriceNeverBelowFloor: a governor's ask becomes a price that costs an hour no less.
func TestPriceNeverBelowFloor(t *testing.T) {
	for _, decimals := range []int{0, 2, 6, 18} {
		token := Token{Decimals: decimals}
		for _, ask := range []governor.Rate{1, 3, 25_500, 30_601, 999_999, 1_000_000_000} {
			price := protocol.Price{Unit: protocol.UnitGPUMillis, PerMillion: token.perMillion(ask)}
			hour, err := price.Cost(hourMillis)
			if err != nil {
				t.Fatal(err)
			}
			// hour / 10^decimals >= ask / 10^6
			least, _ := protocol.AmountFromBig(pow10(decimals))
			have, want := hour.Big(), least.Big()
			if have.Mul(have, pow10(millionth)).Cmp(want.Mul(want, pow10(0)).Mul(want, protocol.NewAmount(uint64(ask)).Big())) < 0 {
				t.Errorf("an ask of %v with %d decimals is %v for an hour", ask, decimals, hour)
			}
		}
	}
	six := Token{Decimals: 6}
	if got := six.perHour(protocol.NewAmount(69_445)); got != 250_000 { // 0.25/h
		t.Errorf("0.25/h is %v", got)
	}
	if got := six.perMillion(250_000); got != protocol.NewAmount(69_445) {
		t.Errorf("0.25/h is %v for a million milliseconds", got)
	}
	huge, err := protocol.ParseAmount("79228162514264337593543950335")
	if err != nil {
		t.Fatal(err)
	}
	if got := six.perHour(huge); got != maxRate {
		t.Errorf("the largest price is %v", got)
	}
}

package journal

import (
	"maps"
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
)

// TestEarnedDays puts what each job was credited on the day on which it last did something.
func TestEarnedDays(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	const day = 24 * 3600
	for n, at := range []uint64{5, 9*day*1000 + 1, 10*day*1000 - 1, 10 * day * 1000} {
		job := uint64(n) + 1
		must(t, j.ReserveIn(ctx, ch.ID(), num(job), amt(20)))
		must(t, j.PutRecord(ctx, record(protocol.RoleRig, job, at)))
		_, err := j.Credit(ctx, ch.ID(), num(job), voucher(ch, 0, 10*job), amt(10))
		must(t, err)
	}
	got, err := j.EarnedDays(ctx, time.Unix(9*day+3600, 0))
	must(t, err)
	if want := map[int64]protocol.Amount{9 * day: amt(20), 10 * day: amt(10)}; !maps.Equal(got, want) {
		t.Errorf("days %v, want %v", got, want)
	}
}

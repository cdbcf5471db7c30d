package governor

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/hardware/rigtest"
)

// leases are a card's in the ledger of a machine that is played, as a node keeps them.
type leases struct {
	*machine
	ledger *hardware.Ledger
}

func playedLedger(tb testing.TB) *hardware.Ledger {
	tb.Helper()
	root := tb.TempDir()
	if err := rigtest.Mixed().Write(root); err != nil {
		tb.Fatal(err)
	}
	return hardware.NewLedger(hardware.LedgerConfig{Path: filepath.Join(tb.TempDir(), "cards.json"), Sources: hardware.Below(root), Processes: hardware.Machine()})
}

func (l leases) take(ctx context.Context, who, card string) error {
	_, err := l.ledger.Take(ctx, who, hardware.Want{Count: 1, Suits: func(c *hardware.Card) string {
		if c.Address == card {
			return ""
		}
		return "is another card"
	}})
	return err
}

func (l leases) Claim(ctx context.Context, card string) error { return l.take(ctx, "idle", card) }
func (l leases) Free(ctx context.Context, card string) error  { return l.ledger.Release(ctx, "idle") }

// BenchmarkHandover measures a card's way from a real idle command to a job and back: to-job is
// from the job's arrival until the command has ended by itself, the driver's tool shows the
// card clean and its lease is on disk; to-miner is from the job's end until, after the same,
// the command runs again. The card and the tool are played; the command ends within 20 ms, a
// real miner takes its own time.
func BenchmarkHandover(b *testing.B) {
	cfg := rigConfig(b.TempDir(), "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.02; done")
	l := leases{cfg.Claims.(*machine), playedLedger(b)}
	cfg.Claims = l
	g, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	runs := func() {
		for miner(g).State != "runs" {
			if ctx.Err() != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	runs()
	var toJob, toMiner []float64
	cards := []string{theCard}
	for b.Loop() {
		begun := time.Now()
		if err := g.Yield(ctx, "job", cards); err != nil {
			b.Fatal(err)
		}
		if err := l.take(ctx, "job", theCard); err != nil {
			b.Fatal(err)
		}
		toJob = append(toJob, float64(time.Since(begun).Microseconds())/1000)
		begun = time.Now()
		if err := l.ledger.Release(ctx, "job"); err != nil {
			b.Fatal(err)
		}
		g.Return("job", cards)
		runs()
		toMiner = append(toMiner, float64(time.Since(begun).Microseconds())/1000)
	}
	median := func(list []float64) float64 { slices.Sort(list); return list[len(list)/2] }
	b.ReportMetric(median(toJob), "to-job-ms")
	b.ReportMetric(median(toMiner), "to-miner-ms")
	b.ReportMetric(median(toJob)+median(toMiner), "handover-ms")
}

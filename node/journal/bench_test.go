package journal

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkCredit measures durable vouchers: the time of one with that many
// callers at once, and the median wait of a caller.
func BenchmarkCredit(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			j, ctx, ch := start(b, b.TempDir(), Options{}), b.Context(), channel(1)
			must(b, j.SetInChannel(ctx, domain, ch, funded(1<<60)))
			for w := range writers {
				must(b, j.ReserveIn(ctx, ch.ID(), num(uint64(w)), amt(1<<40)))
			}
			waits := make([][]time.Duration, writers)
			b.ResetTimer()
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for n := w; n < b.N; n += writers {
						begin := time.Now()
						total := amt(uint64(n/writers + 1))
						if _, err := j.Credit(ctx, ch.ID(), num(uint64(w)), voucher(ch, 0, 1<<59+uint64(n)), total); err != nil {
							b.Error(err)
							return
						}
						waits[w] = append(waits[w], time.Since(begin))
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			all := slices.Concat(waits...)
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

// BenchmarkPutRecord measures one durable save of a job with a spec of 2 KB.
func BenchmarkPutRecord(b *testing.B) {
	j := start(b, b.TempDir(), Options{})
	rec := record("rig", 1, 1)
	rec.Spec = make([]byte, 2000)
	for n := 0; b.Loop(); n++ {
		rec.Updated = uint64(n)
		must(b, j.PutRecord(b.Context(), rec))
	}
}

// BenchmarkRecord measures reading a job beside a writer that never rests.
func BenchmarkRecord(b *testing.B) {
	j := start(b, b.TempDir(), Options{})
	rec := record("rig", 1, 1)
	must(b, j.PutRecord(b.Context(), rec))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				if err := j.PutMeta(b.Context(), "k", nil); err != nil {
					b.Error(err)
					return
				}
			}
		}
	}()
	for b.Loop() {
		if _, err := j.Record(b.Context(), "rig", num(1)); err != nil {
			b.Fatal(err)
		}
	}
	close(stop)
	<-stopped
}

//go:build unix

package wasm

import (
	"context"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// bench runs one job after another, or eight at once, and reports the median
// latency and the CPU time of all processes per job.
//
// With rest, each job begins when the pool is full and ready again, as on a rig
// that is not saturated.
func bench(b *testing.B, s runner.Spec, parallel, warm int, rest bool) {
	r := newRunner(b, func(c *Config) { c.Warm = warm })
	for range 3 {
		do(b, r, s)
	}
	times := make(chan time.Duration, b.N)
	start := cpuOfAll()
	b.ResetTimer()
	work := make(chan struct{})
	ended := make(chan struct{})
	for range parallel {
		go func() {
			defer func() { ended <- struct{}{} }()
			for range work {
				if rest {
					waitFor(b, "rest", func() bool { return atRest(r) })
				}
				begin := time.Now()
				j, err := r.Start(context.Background(), s, io.Discard, io.Discard)
				if err != nil {
					b.Error(err)
					continue
				}
				if res, err := j.Wait(); err != nil || res.Failure != nil {
					b.Error(err, res.Failure)
				}
				times <- time.Since(begin)
			}
		}()
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	for range parallel {
		<-ended
	}
	b.StopTimer()
	close(times)
	var all []time.Duration
	for t := range times {
		all = append(all, t)
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	b.ReportMetric(float64((cpuOfAll()-start).Microseconds())/1000/float64(b.N), "cpu-ms/job")
}

func BenchmarkEmpty(b *testing.B)          { bench(b, wat("empty"), 1, 2, true) }
func BenchmarkEmptyBusy(b *testing.B)      { bench(b, wat("empty"), 1, 2, false) }
func BenchmarkEmptyParallel8(b *testing.B) { bench(b, wat("empty"), 8, 4, false) }

func BenchmarkGoHello(b *testing.B)          { bench(b, guest(), 1, 2, true) }
func BenchmarkGoHelloBusy(b *testing.B)      { bench(b, guest(), 1, 2, false) }
func BenchmarkGoHelloParallel8(b *testing.B) { bench(b, guest(), 8, 4, false) }

// cpuOfAll is the CPU time of this process and its ended children.
func cpuOfAll() time.Duration {
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return 0
		}
		total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return total
}

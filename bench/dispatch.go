package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

const (
	warmUps  = 5
	inFlight = 8
	minJobs  = 4
)

// Jobs measured at scale 1: one after another, and eight at once.
var plan = []struct {
	module         string
	alone, crowded int
}{{"empty", 300, 800}, {"go", 100, 200}, {"hi", 200, 0}}

// timing is one job as its user saw it.
type timing struct {
	first   time.Duration // submit to the first byte; 0 where the program writes none
	settled time.Duration // submit to result and settlement
	phases  map[string]int64
}

// job buys one run through the control socket and follows it to its end.
func (f *field) job(ctx context.Context, module string) (timing, error) {
	var t timing
	var last *node.RunStatus
	begin := time.Now()
	st, err := f.buyer.Submit(ctx, &node.RunRequest{Module: f.modules[module], Budget: protocol.NewAmount(budget)})
	if err != nil {
		return t, fmt.Errorf("submit: %w", err)
	}
	err = f.buyer.Follow(ctx, st.ID.String(), true, func(ev node.Event) error {
		if ev.FD != 0 && t.first == 0 {
			t.first = time.Since(begin)
		}
		if ev.Status != nil {
			last = ev.Status
		}
		return nil
	})
	t.settled = time.Since(begin)
	switch {
	case err != nil:
		return t, fmt.Errorf("follow: %w", err)
	case last == nil || !last.Succeeded() || last.State != protocol.StateSettled:
		return t, fmt.Errorf("job did not settle: %+v", last)
	}
	t.phases = last.Micros
	return t, nil
}

// measure runs the whole plan. The first job opens the channel; after it no
// transaction is sent, or the measurement is refused.
func (f *field) measure(ctx context.Context, o options, res results) error {
	for range warmUps {
		for module := range f.modules {
			if _, err := f.job(ctx, module); err != nil {
				return err
			}
		}
	}
	before, err := f.buyer.History(ctx)
	if err != nil {
		return err
	}
	for _, p := range plan {
		if err := f.alone(ctx, p.module, int(float64(p.alone)*o.scale), res); err != nil {
			return err
		}
	}
	err = profiled(o.profile, func() error {
		for _, p := range plan {
			if n := int(float64(p.crowded) * o.scale); n > 0 {
				if err := f.crowded(ctx, p.module, n, res); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	after, err := f.buyer.History(ctx)
	if err == nil && len(after.Txs) != len(before.Txs) {
		err = errors.New("jobs on an open channel sent transactions")
	}
	res["slots"] = float64(runtime.NumCPU())
	return err
}

// alone runs jobs one after another, as a user at a terminal does.
func (f *field) alone(ctx context.Context, module string, n int, res results) error {
	var all, first []time.Duration
	phases := map[string][]time.Duration{}
	cpu := cpuTime()
	for range max(n, minJobs) {
		t, err := f.job(ctx, module)
		if err != nil {
			return fmt.Errorf("%s: %w", module, err)
		}
		all = append(all, t.settled)
		if t.first > 0 {
			first = append(first, t.first)
		}
		rest := t.settled // what no phase has: the control socket, hashing the module
		for name, us := range t.phases {
			d := time.Duration(us) * time.Microsecond
			phases[name] = append(phases[name], d)
			rest -= d
		}
		phases["client"] = append(phases["client"], rest)
	}
	res["cpu_ms_per_job_"+module] = ms(cpuTime()-cpu) / float64(len(all))
	res["dispatch_"+module+"_p50_ms"] = ms(quantile(all, 50))
	res["dispatch_"+module+"_p95_ms"] = ms(quantile(all, 95))
	if len(first) > 0 {
		res["first_byte_"+module+"_p50_ms"] = ms(quantile(first, 50))
	}
	for name, times := range phases {
		if module != "hi" {
			res["phase_"+module+"_"+name+"_p50_ms"] = ms(quantile(times, 50))
		}
	}
	fmt.Fprintf(os.Stderr, "%-6s alone   %5d jobs: p50 %.2f ms, p95 %.2f ms, %.2f CPU-ms a job\n",
		module, len(all), ms(quantile(all, 50)), ms(quantile(all, 95)), res["cpu_ms_per_job_"+module])
	return nil
}

// crowded keeps eight jobs in flight.
func (f *field) crowded(ctx context.Context, module string, n int, res results) error {
	n = max(n, inFlight*minJobs)
	work := make(chan struct{}, n) // filled and closed before anybody takes from it
	for range n {
		work <- struct{}{}
	}
	close(work)
	all := make(chan time.Duration, n)
	workers, ctx := errgroup.WithContext(ctx)
	begin, cpu := time.Now(), cpuTime()
	for range inFlight {
		workers.Go(func() error {
			for range work {
				t, err := f.job(ctx, module)
				if err != nil {
					return fmt.Errorf("%s, %d in flight: %w", module, inFlight, err)
				}
				all <- t.settled
			}
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	took := time.Since(begin)
	close(all)
	res["jobs_per_s_"+module] = float64(n) / took.Seconds()
	res["cpu_ms_per_job_"+module+"_8"] = ms(cpuTime()-cpu) / float64(n)
	res["dispatch_"+module+"_8_p50_ms"] = ms(quantile(collect(all), 50))
	fmt.Fprintf(os.Stderr, "%-6s crowded %5d jobs: %.1f jobs/s, %.2f CPU-ms a job\n", strings.ToLower(module), n,
		res["jobs_per_s_"+module], res["cpu_ms_per_job_"+module+"_8"])
	return nil
}

func collect(c <-chan time.Duration) (all []time.Duration) {
	for d := range c {
		all = append(all, d)
	}
	return all
}

// quantile is the p-th percentile of at least one duration.
func quantile(all []time.Duration, p int) time.Duration {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

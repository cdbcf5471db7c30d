package conformance

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// outside is what the host sees of an engine over many jobs, and after its death.
var outside = []check{
	{name: "metering of one process", run: metering("burn", "700"), alone: true},
	{name: "metering of many processes", run: metering("forkburn", "140", "5"), alone: true},
	{name: "many jobs", run: manyJobs, alone: true},
	{name: "killed rig", run: killedRig, alone: true},
}

// gate is a job's output that stops taking anything after the line "end", until it is opened,
// so that the job stands still there.
type gate struct {
	*text
	open chan struct{}
}

func (g gate) Write(p []byte) (int, error) {
	ended := strings.Contains(g.String(), "end\n")
	if ended {
		<-g.open
	}
	return g.text.Write(p)
}

// metering compares what an engine bills for a computation with what the kernel's own
// counters say of the same processes over the same time.
func metering(args ...string) func(*suite, testing.TB) error {
	return func(s *suite, t testing.TB) error {
		if s.WASM && args[0] == "forkburn" {
			return s.absent("proc_fork", "proc_exec")
		}
		r := &running{stdout: newText(), stderr: newText(), done: make(chan struct{})}
		hold := gate{r.stdout, make(chan struct{})}
		j, err := s.engine.Start(context.Background(), s.job(args...), hold, r.stderr)
		if err != nil {
			return err
		}
		r.Job = j
		go func() { // ends with the job
			r.result, r.err = j.Wait()
			close(r.done)
		}()
		defer func() { j.Stop(); <-r.done }()
		defer close(hold.open)
		if err := r.wait("begin"); err != nil {
			return err
		}
		if err := j.Pause(); err != nil { // so that both are read at one time
			return err
		}
		billed, kernel := j.Usage().CPUMillis, s.kernelMillis()
		if err := j.Resume(); err != nil {
			return err
		}
		last := j.Usage()
		for _, mark := range []uint64{billed + 1, billed + 50, billed + 200} {
			if err := j.WaitUsage(context.Background(), mark); err != nil {
				return fmt.Errorf("wait for %d ms: %w", mark, err)
			}
			now := j.Usage()
			if now.CPUMillis < mark || now.CPUMillis < last.CPUMillis || now.PeakMemoryBytes == 0 {
				return fmt.Errorf("usage %+v after %+v at the mark of %d ms", now, last, mark)
			}
			last = now
		}
		if err := r.wait("end"); err != nil {
			return err
		}
		billed, kernel = j.Usage().CPUMillis-billed, s.kernelMillis()-kernel
		t.Logf("billed %d ms, the kernel says %d ms", billed, kernel)
		if billed < kernel*9/10 || billed > kernel*11/10 {
			return fmt.Errorf("billed %d ms, the kernel's counters say %d ms: more than 10 %% apart", billed, kernel)
		}
		if kernel < 200 {
			return fmt.Errorf("the kernel counted %d ms for a computation of about 1000", kernel)
		}
		return nil
	}
}

// kernelMillis is the CPU time of this engine's processes, from their control groups where
// they have some of their own.
func (s *suite) kernelMillis() uint64 {
	var sum uint64
	seen := map[string]bool{}
	for _, p := range s.sandboxes() {
		dir, ns := cpuGroup(p.pid)
		if dir == "" {
			sum += p.ticks * 10
		} else if !seen[dir] {
			seen[dir] = true
			sum += ns / 1e6
		}
	}
	return sum
}

// many runs short jobs of every kind, some at once, up to the first error.
func (s *suite) many(jobs, workers int) error {
	var wg sync.WaitGroup
	errs := make(chan error, workers)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < jobs; i += workers {
				err := s.short(i)
				if err != nil {
					errs <- fmt.Errorf("job %d: %w", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// short runs the i-th of many jobs: they end by themselves, are ended, or serve somebody.
func (s *suite) short(i int) error {
	kinds := [][]string{{"echo", "next"}, {"exit", "3"}, {"flood"}, {"spin"}, {"serve", fmt.Sprint(port)}}
	if s.WASM {
		kinds = kinds[:4]
	}
	args := kinds[i%len(kinds)]
	r, err := s.start(s.job(args...))
	if err != nil {
		return err
	}
	defer r.Stop()
	switch args[0] {
	case "spin":
		r.Stop()
	case "serve":
		if err := r.wait("serving"); err != nil {
			return err
		}
		if err := r.converse(port); err != nil {
			return err
		}
		if code, err := r.Exec(context.Background(), []string{"/guest", "exit", "3"}, nil, nil, nil); err != nil || code != 3 {
			return fmt.Errorf("exec: code %d, %w", code, err)
		}
		r.Stop()
	}
	_, err = r.end()
	return err
}

// holding is what an engine holds between jobs.
type holding struct {
	descriptors, goroutines, files, mounts, processes int
	heap                                              uint64
}

func (s *suite) holding() holding {
	var h holding
	list, _ := os.ReadDir("/proc/self/fd")
	h.descriptors, h.goroutines = len(list), runtime.NumGoroutine()
	h.files, h.mounts = filesUnder(s.dir), len(mountsUnder(s.dir))
	h.processes = len(s.sandboxes())
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what had finalizers goes with the second
	runtime.ReadMemStats(&m)
	h.heap = m.HeapAlloc
	return h
}

// manyJobs runs more jobs than a leak could hide in: 48, or 1,000 in a long run.
func manyJobs(s *suite, t testing.TB) error {
	jobs := 48
	if long() {
		jobs = 1000
	}
	if err := s.many(12, 3); err != nil {
		return err
	}
	var before holding
	if err := eventually("rest", func() error { // warm sandboxes may still be on their way
		last := before
		before = s.holding()
		time.Sleep(100 * time.Millisecond)
		if last.descriptors != before.descriptors || last.processes != before.processes || last.goroutines != before.goroutines {
			return fmt.Errorf("%+v, then %+v", last, before)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := s.many(jobs, 3); err != nil {
		return err
	}
	return eventually(fmt.Sprintf("the same as before %d jobs", jobs), func() error {
		now := s.holding()
		if now.descriptors > before.descriptors || now.goroutines > before.goroutines || now.mounts > before.mounts ||
			now.processes > before.processes || now.files > before.files || now.heap > before.heap+before.heap/20+2<<20 {
			return fmt.Errorf("before %+v, now %+v", before, now)
		}
		return nil
	})
}

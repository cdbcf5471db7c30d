//go:build linux

package namespaces

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// minUsageWait is the shortest pause of WaitUsage: a threshold is noticed at most this
// late.
const minUsageWait = 2 * time.Millisecond

// watchEvery is how often a job is looked at where no control group holds it.
const watchEvery = 200 * time.Millisecond

// meter counts what a job has used: by its control group, or by what init adds up where
// there is none.
type meter struct {
	mu     sync.Mutex // guards what follows
	base   time.Duration
	cpu    time.Duration // as last seen, base included
	memory uint64
	begun  bool
}

// begin notes what starting the sandbox took.
func (m *meter) begin(b *sandbox) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read(b)
	m.base, m.begun = m.cpu, true
}

// read looks at the control group; the caller holds mu.
func (m *meter) read(b *sandbox) {
	if b.group == nil {
		return
	}
	cpu, memory, _ := b.group.Usage() // what is not counted is 0
	m.cpu, m.memory = max(m.cpu, cpu), max(m.memory, memory)
}

// counted takes over what init added up, unless the control group counts.
func (m *meter) counted(b *sandbox, t *tally) {
	if b.counts {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cpu, m.memory = max(m.cpu, m.base+time.Duration(t.CPUNanos)), max(m.memory, t.Memory)
}

// watch has init add up a few times a second where no control group counts, so that little
// is missing when a job is killed, and ends a job whose processes hold more than its memory
// when they are looked at.
func (j *Job) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-j.done:
			return
		case <-tick.C:
		}
		j.askUsage()
		if j.meter.peak() > j.spec.MemoryBytes {
			j.end(&runner.Failure{Kind: runner.FailureMemory, Detail: fmt.Sprintf("its processes and its files in memory held more than %d bytes", j.spec.MemoryBytes)})
			return
		}
	}
}

func (m *meter) peak() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory
}

func (m *meter) usage(b *sandbox, limit uint64) runner.Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.begun {
		return runner.Usage{}
	}
	m.read(b)
	// Init's own memory is in the group's, and on top of the job's limit.
	return runner.Usage{
		CPUMillis:       uint64((m.cpu - m.base + time.Millisecond - 1) / time.Millisecond),
		PeakMemoryBytes: min(m.memory, limit),
	}
}

// Usage is what the job has used so far.
func (j *Job) Usage() runner.Usage {
	select {
	case <-j.done:
		return j.result.Usage
	default:
	}
	if !j.box.counts {
		j.askUsage()
	}
	return j.meter.usage(j.box, j.spec.MemoryBytes)
}

// WaitUsage waits until the job has used at least cpuMillis, which it returns nil for, or
// has ended (ErrEnded), or ctx is done (its error).
func (j *Job) WaitUsage(ctx context.Context, cpuMillis uint64) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	cores := time.Duration(max(j.spec.CPUs, 1))
	for {
		used := j.Usage().CPUMillis
		if used >= cpuMillis {
			return nil
		}
		// On all its cores the rest takes so long at least.
		timer.Reset(max(time.Duration(cpuMillis-used)*time.Millisecond/cores, minUsageWait))
		wake := timer.C
		j.mu.Lock()
		resumed := j.resumed
		j.mu.Unlock()
		if resumed != nil {
			wake = nil
		}
		select {
		case <-wake:
		case <-resumed:
		case <-ctx.Done():
			return ctx.Err()
		case <-j.done:
			if j.result.Usage.CPUMillis >= cpuMillis {
				return nil
			}
			return runner.ErrEnded
		}
	}
}

// Pause halts the job where it stands; its deadline waits too.
func (j *Job) Pause() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.box.freezes {
		return runner.ErrPauseUnsupported
	}
	if j.ended || j.exited || j.failure != nil || j.resumed != nil {
		return nil
	}
	if err := j.box.group.Freeze(); err != nil {
		return err
	}
	j.resumed = make(chan struct{})
	j.clock.pause()
	return nil
}

// Resume lets a paused job go on.
func (j *Job) Resume() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended || j.resumed == nil {
		return nil
	}
	if err := j.box.group.Thaw(); err != nil {
		return err
	}
	close(j.resumed)
	j.resumed = nil
	j.clock.resume()
	return nil
}

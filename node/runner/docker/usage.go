package docker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/moby/moby/client"

	"github.com/rerig/rerig/node/runner"
)

const (
	// samplePoll is the pause between looks while nobody asks.
	samplePoll = 500 * time.Millisecond
	// minWait is the shortest pause of WaitUsage.
	minWait = 50 * time.Millisecond
	// freshSample is the age up to which a look is not repeated.
	freshSample = 20 * time.Millisecond
)

// poll looks at what the job uses until its end.
func (j *Job) poll(ctx context.Context) {
	for {
		if j.age() >= samplePoll {
			j.look(ctx, false)
		}
		select {
		case <-j.exited:
			return
		case <-time.After(samplePoll):
		}
	}
}

// age is how old the last look at the job's use is.
func (j *Job) age() time.Duration {
	j.sampling.Lock()
	defer j.sampling.Unlock()
	return time.Since(j.sampled)
}

// look asks the engine what the job has used, unless that was just done and nobody needs
// it exactly. An engine that does not answer leaves the last numbers.
func (j *Job) look(ctx context.Context, exactly bool) {
	j.sampling.Lock()
	defer j.sampling.Unlock()
	if !exactly && time.Since(j.sampled) < freshSample || j.over() {
		return
	}
	j.sampled = time.Now() // an engine that hangs is not asked more often
	ctx, cancel := context.WithTimeout(ctx, j.engine.patience.sample)
	defer cancel()
	answer, err := j.engine.api.ContainerStats(ctx, j.id, client.ContainerStatsOptions{})
	if err != nil {
		j.engine.log.Debug("ask what a container uses", "err", err)
		return
	}
	defer answer.Body.Close()
	var s stats
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		j.engine.log.Debug("read what a container uses", "err", err)
		return
	}
	if s.CPU.Usage.Total == 0 { // a container that has just ended
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	cpu, memory := time.Duration(min(s.CPU.Usage.Total, 1<<62)), s.Memory.held()
	if !j.based { // what the sandbox and the helper took before the program began
		j.based, j.base = true, cpu
	}
	j.cpu = max(j.cpu, cpu)
	j.memory = max(j.memory, min(memory, j.spec.MemoryBytes)) // the helper is in it
}

// stats is what is read of GET /containers/{id}/stats.
type stats struct {
	CPU struct {
		Usage struct {
			Total uint64 `json:"total_usage"` // nanoseconds
		} `json:"cpu_usage"`
	} `json:"cpu_stats"`
	Memory memoryStats `json:"memory_stats"`
}

type memoryStats struct {
	Usage uint64 `json:"usage"`
	Max   uint64 `json:"max_usage"` // of cgroup v1
	Stats struct {
		Inactive   uint64 `json:"inactive_file"`
		InactiveV1 uint64 `json:"total_inactive_file"`
	} `json:"stats"`
}

// held is the memory that is the job's: without the page cache that the kernel takes back
// first, as Docker's own tool counts.
func (m memoryStats) held() uint64 {
	if m.Max > 0 {
		return m.Max
	}
	return m.Usage - min(max(m.Stats.Inactive, m.Stats.InactiveV1), m.Usage)
}

// usage is what is known; the caller holds mu.
func (j *Job) usage() runner.Usage {
	cpu := max(j.cpu-j.base, 0)
	return runner.Usage{CPUMillis: uint64((cpu + time.Millisecond - 1) / time.Millisecond), PeakMemoryBytes: j.memory}
}

// Usage is what the job has used so far, as the engine answers within two seconds.
func (j *Job) Usage() runner.Usage {
	j.look(context.Background(), false)
	select {
	case <-j.done:
		return j.result.Usage
	default:
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.usage()
}

// WaitUsage waits until the job has used at least cpuMillis, which it returns nil for, or
// has ended (ErrEnded), or ctx is done (its error).
func (j *Job) WaitUsage(ctx context.Context, cpuMillis uint64) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	cores := uint64(max(j.spec.CPUs, 1))
	for {
		used := j.Usage().CPUMillis
		if used >= cpuMillis {
			return nil
		}
		// The job has so many cores: the rest takes at least its share of time.
		rest := min((cpuMillis-used)/cores, uint64(time.Hour/time.Millisecond))
		timer.Reset(max(time.Duration(rest)*time.Millisecond, minWait))
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

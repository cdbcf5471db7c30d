package model

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync/atomic"

	"github.com/rerig/rerig/node/runner"
)

const (
	// mark is what the program writes first to standard output, when its model is loaded.
	mark = '\x06'
	// freeMillis is the most CPU time that loading takes at no cost, in milliseconds.
	freeMillis = 5000
	// maxTold is how many bytes of what a job said last tell why its model was not loaded.
	maxTold = 400
)

// job is a running job that tells when its model is loaded.
type job struct {
	runner.Job
	told   tail
	out    io.Writer
	begun  chan struct{} // closed by Start when Job is set
	loaded atomic.Bool
	load   atomic.Uint64 // CPU milliseconds that loading took; set before loaded
}

// paid is how many of the sandbox's CPU milliseconds count.
func (j *job) paid(cpuMillis uint64) uint64 {
	load := uint64(freeMillis)
	if j.loaded.Load() {
		load = j.load.Load()
	}
	return cpuMillis - min(load, freeMillis, cpuMillis)
}

// Usage is what the job has used since its model was loaded.
func (j *job) Usage() runner.Usage {
	u := j.Job.Usage()
	u.CPUMillis = j.paid(u.CPUMillis)
	return u
}

// WaitUsage waits until the job has used cpuMillis since its model was loaded.
func (j *job) WaitUsage(ctx context.Context, cpuMillis uint64) error {
	for {
		u := j.Job.Usage().CPUMillis
		paid := j.paid(u)
		if paid >= cpuMillis {
			return nil
		}
		if err := j.Job.WaitUsage(ctx, u+cpuMillis-paid); err != nil {
			return err
		}
	}
}

// Wait waits for the job's end.
func (j *job) Wait() (runner.Result, error) {
	res, err := j.Job.Wait()
	res.Usage.CPUMillis = j.paid(res.Usage.CPUMillis)
	if err == nil && res.Failure == nil && res.ExitCode == exitNoModel && !j.loaded.Load() {
		res.Failure = &runner.Failure{Kind: runner.FailureBadModule, Detail: strings.ToValidUTF8(strings.TrimSpace(string(j.told.last)), "\ufffd")}
	}
	return res, err
}

// marked is a job's standard output without its mark.
type marked struct{ *job }

func (m marked) Write(p []byte) (int, error) {
	if m.loaded.Load() {
		return m.out.Write(p)
	}
	rest, ok := bytes.CutPrefix(p, []byte{mark})
	if !ok {
		return m.out.Write(p)
	}
	if <-m.begun; m.Job == nil { // it was not started after all
		return 0, io.ErrClosedPipe
	}
	m.load.Store(m.Job.Usage().CPUMillis)
	m.loaded.Store(true)
	if len(rest) > 0 {
		n, err := m.out.Write(rest)
		return n + 1, err
	}
	return len(p), nil
}

// tail passes on what is written and keeps the end of it. The engine writes one at a time,
// and nothing after the job's end.
type tail struct {
	to   io.Writer
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.last = append(t.last, p[max(0, len(p)-maxTold):]...)
	t.last = t.last[max(0, len(t.last)-maxTold):]
	return t.to.Write(p)
}

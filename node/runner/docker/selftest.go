package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rerig/rerig/node/runner"
)

const (
	probeMemory = 64 << 20
	probeTime   = time.Minute
	probeInput  = "rerig\n"
)

// Probe judges the engine by what it says of itself, then runs the helper in it for real:
// one job reports the sandbox from inside, one is dialled, halted, resumed and killed, one
// asks for more memory than it has. Run must be active. The error says what did not hold.
func (e *Engine) Probe(ctx context.Context) (runner.Caps, error) {
	k, err := e.look(ctx)
	if err != nil {
		return runner.Caps{}, err
	}
	if err := os.MkdirAll(e.config.DataDir, 0o700); err != nil {
		return runner.Caps{}, fmt.Errorf("make the directory of Docker's self-test: %w", err)
	}
	dir, err := os.MkdirTemp(e.config.DataDir, "probe-")
	if err != nil {
		return runner.Caps{}, fmt.Errorf("make the directory of Docker's self-test: %w", err)
	}
	defer os.RemoveAll(dir)
	caps := k.caps
	for _, step := range []func(context.Context, string, *kind, *runner.Caps) error{e.probeInside, e.probeControl, e.probeMemory} {
		if err := step(ctx, dir, k, &caps); err != nil {
			return runner.Caps{}, fmt.Errorf("probe the Docker sandbox (%s): %w", k.runtime, err)
		}
	}
	return caps, nil
}

// helperJob is a spec for the helper, in a root that holds nothing else.
func helperJob(dir string, args ...string) (runner.Spec, error) {
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return runner.Spec{}, err
	}
	return runner.Spec{
		Root: root, Args: append([]string{helperPath}, args...), Processes: 64, ScratchBytes: 1 << 20,
		MemoryBytes: probeMemory, StdoutBytes: 64 << 10, OutputBytes: 1 << 10, OutputFiles: 1, Deadline: probeTime,
	}, nil
}

// probeInside has a job report what it can do, and refuses a sandbox that lets it do more
// than is promised.
func (e *Engine) probeInside(ctx context.Context, dir string, k *kind, _ *runner.Caps) error {
	s, err := helperJob(dir, modeReport)
	if err != nil {
		return err
	}
	s.InDir, s.OutDir = filepath.Join(dir, "in"), filepath.Join(dir, "out")
	for _, d := range []string{s.InDir, s.OutDir} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(s.InDir, "probe"), []byte(probeInput), 0o644); err != nil {
		return err
	}
	said, err := e.runHelper(ctx, s)
	if err != nil {
		return err
	}
	var r report
	if err := json.Unmarshal(said, &r); err != nil {
		return fmt.Errorf("the helper said %.100q: %w", said, err)
	}
	return r.judge(k.runtime)
}

// judge refuses a sandbox by what a helper saw in it.
func (r *report) judge(runtime string) error {
	for _, set := range []string{r.Effective, r.Bounding} {
		if n, err := strconv.ParseUint(set, 16, 64); err != nil || n != 0 {
			return fmt.Errorf("a job has capabilities %q", set)
		}
	}
	if runtime != gvisorRuntime { // gVisor's own kernel answers; it has no such filter inside
		if r.NoNewPrivs != "1" {
			return errors.New("a job may gain privileges")
		}
		if r.Seccomp != "2" {
			return fmt.Errorf("a job's system calls are not filtered (seccomp mode %q)", r.Seccomp)
		}
	}
	slices.Sort(r.Interfaces)
	for _, name := range r.Interfaces {
		// Kernels with tunnels built in put their fallback devices into every namespace.
		if name != "lo" && !slices.Contains([]string{"tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"}, name) {
			return fmt.Errorf("a job has network interfaces %.100q", r.Interfaces)
		}
	}
	if !slices.Contains(r.Interfaces, "lo") {
		return errors.New("a job has no loopback")
	}
	if !slices.Equal(r.Writable, []string{"/out", "/run", "/tmp"}) {
		return fmt.Errorf("a job can write in %.200q, not in /out, /run and /tmp alone", r.Writable)
	}
	if r.Input != probeInput {
		return fmt.Errorf("a job reads %.50q as its input", r.Input)
	}
	return nil
}

// probeControl dials a job, halts it, lets it go on and kills it.
func (e *Engine) probeControl(ctx context.Context, dir string, _ *kind, caps *runner.Caps) error {
	s, err := helperJob(dir, modeEcho)
	if err != nil {
		return err
	}
	ready := make(chan struct{}, 1)
	j, err := e.Start(ctx, s, writerFunc(func(p []byte) (int, error) {
		select {
		case ready <- struct{}{}:
		default:
		}
		return len(p), nil
	}), io.Discard)
	if err != nil {
		return err
	}
	ended := make(chan runner.Result, 1)
	go func() { // ends with the job, which is stopped below
		res, _ := j.Wait()
		ended <- res
	}()
	defer j.Stop()
	select {
	case <-ready:
	case res := <-ended:
		return fmt.Errorf("the helper ended at once: %v", res.Failure)
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := echoed(ctx, j); err != nil {
		e.log.Warn("a job in Docker cannot be dialled", "err", err)
	} else {
		caps.Dial = true
	}
	if err := j.Pause(); err != nil {
		e.log.Warn("a job in Docker cannot be halted", "err", err)
	} else if err := j.Resume(); err != nil {
		return err
	} else {
		caps.Pause = true
	}
	j.Stop()
	res := <-ended
	if res.Failure == nil || res.Failure.Kind != runner.FailureKilled {
		return fmt.Errorf("a job that was stopped ended with exit code %d, %v", res.ExitCode, res.Failure)
	}
	return nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// echoed sends a few bytes to the job's loopback and wants them back.
func echoed(ctx context.Context, j runner.Job) error {
	c, err := j.Dial(ctx, echoPort)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(defaultPatience.call)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, probeInput); err != nil {
		return err
	}
	back := make([]byte, len(probeInput))
	if _, err := io.ReadFull(c, back); err != nil {
		return err
	}
	if string(back) != probeInput {
		return fmt.Errorf("sent %q, got %q back", probeInput, back)
	}
	return nil
}

// probeMemory sees whether the limit that the engine claims holds.
func (e *Engine) probeMemory(ctx context.Context, dir string, _ *kind, caps *runner.Caps) error {
	if !caps.MemoryLimit {
		return nil
	}
	s, err := helperJob(dir, modeEat, strconv.Itoa(4*probeMemory))
	if err != nil {
		return err
	}
	var out strings.Builder
	j, err := e.Start(ctx, s, &out, io.Discard)
	if err != nil {
		return err
	}
	res, err := j.Wait()
	if err != nil {
		return err
	}
	if strings.HasPrefix(out.String(), "held") || res.ExitCode == 0 {
		return fmt.Errorf("a job held %d bytes of memory over its limit of %d", 4*probeMemory, probeMemory)
	}
	return nil
}

// runHelper runs this program as a job to its end and returns what it said.
func (e *Engine) runHelper(ctx context.Context, s runner.Spec) ([]byte, error) {
	var out, complaint bytes.Buffer
	j, err := e.Start(ctx, s, &out, &complaint)
	if err != nil {
		return nil, err
	}
	res, err := j.Wait()
	switch {
	case err != nil:
		return nil, err
	case res.Failure != nil:
		return nil, res.Failure
	case res.ExitCode != 0:
		return nil, fmt.Errorf("the helper ended with exit code %d: %.200q", res.ExitCode, complaint.String())
	}
	return out.Bytes(), nil
}

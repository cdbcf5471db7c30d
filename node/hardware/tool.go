package hardware

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// defaultToolTime is how long a driver's tool may take. nvidia-smi wakes every card
	// when nothing keeps the driver loaded, about 1 s each.
	defaultToolTime = 30 * time.Second
	// toolGrace is how long a killed tool may take to go.
	toolGrace = 2 * time.Second
	// maxToolOutput is what a tool may write; nvidia-smi -q -x writes 12 KiB per card.
	maxToolOutput = 4 << 20
)

// toolDirs are where drivers put their tools, below a machine's root. PATH is not
// asked: it is the user's, and the tool may run as root.
var toolDirs = []string{"usr/bin", "usr/local/bin", "opt/rocm/bin", "usr/sbin", "bin", "usr/lib/wsl/lib"}

// findTool is the path of a driver's tool, "" when it is not installed.
func (s Sources) findTool(name string) string {
	for _, dir := range toolDirs {
		path := filepath.Join(s.Root, dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// toolTime is how long a tool may take on this machine.
func (s Sources) toolTime() time.Duration {
	if s.ToolTime > 0 {
		return s.ToolTime
	}
	return defaultToolTime
}

// tool runs one with a deadline of its own.
func (s Sources) tool(ctx context.Context, path string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.toolTime())
	defer cancel()
	run := s.Run
	if run == nil {
		run = (&tools{}).run
	}
	return run(ctx, path, args...)
}

// toolError says how a tool failed. Output is the first line that it wrote.
type toolError struct {
	tool, output string
	code         int // its exit code, -1 when it did not exit by itself
	err          error
}

func (e *toolError) Error() string {
	text := e.tool + ": " + e.err.Error()
	if e.output != "" {
		text += ": " + e.output
	}
	return text
}

func (e *toolError) Unwrap() error { return e.err }

// errToolStuck is a tool that not even SIGKILL ended.
var errToolStuck = errors.New("an earlier run hangs in the kernel and cannot be killed: the driver is stuck, restart the machine")

// tools runs child processes and remembers which of them would not die.
type tools struct {
	mu    sync.Mutex
	stuck map[string]bool
}

// run runs a tool in a process group of its own, without the caller's environment. What
// it started ends with it. A tool that hangs in the kernel, as nvidia-smi does on some
// cards that fell off the bus, is left behind and not started again (unproven: no test
// can make a process that SIGKILL does not end).
func (t *tools) run(ctx context.Context, path string, args ...string) ([]byte, error) {
	fail := func(code int, out []byte, err error) error {
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return &toolError{filepath.Base(path), clean(line), code, err}
	}
	t.mu.Lock()
	stuck := t.stuck[path]
	t.mu.Unlock()
	if stuck {
		return nil, fail(-1, nil, errToolStuck)
	}
	out := &capped{limit: maxToolOutput}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Dir = string(filepath.Separator)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = toolGrace
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fail(-1, nil, err)
	}
	ended := make(chan error, 1)
	go func() { // ends with the process, at the latest when the kernel lets go of it
		err := cmd.Wait()
		t.mark(path, false)
		ended <- err
	}()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		select {
		case err = <-ended:
		case <-time.After(2 * toolGrace):
			t.mark(path, true)
			return nil, fail(-1, nil, errToolStuck)
		}
	}
	var exit *exec.ExitError
	switch {
	case out.over:
		return nil, fail(-1, nil, fmt.Errorf("wrote more than %d MiB", maxToolOutput>>20))
	case ctx.Err() != nil:
		return nil, fail(-1, out.buf.Bytes(), fmt.Errorf("did not answer in time: %w", ctx.Err()))
	case errors.As(err, &exit):
		return out.buf.Bytes(), fail(exit.ExitCode(), out.buf.Bytes(), err)
	case err != nil:
		return nil, fail(-1, out.buf.Bytes(), err)
	}
	return out.buf.Bytes(), nil
}

func (t *tools) mark(path string, stuck bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stuck == nil {
		t.stuck = map[string]bool{}
	}
	t.stuck[path] = stuck
}

// capped keeps what is written up to a limit and fails from there on, which breaks the
// pipe of who writes. exec writes to it from one goroutine, because it is both standard
// output and standard error.
type capped struct {
	buf   bytes.Buffer // not embedded: its ReadFrom knows no limit
	limit int
	over  bool
}

// Write is the io.Writer's.
func (c *capped) Write(p []byte) (int, error) {
	if c.buf.Len()+len(p) > c.limit {
		c.over = true
		return 0, errors.New("too much output")
	}
	return c.buf.Write(p)
}

//go:build unix

package testnet_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// command is one process of the binary.
type command struct {
	s            *scene
	what, member string
	cmd          *exec.Cmd
	out, log     *capture      // standard output and error
	done         chan struct{} // closed when it and all that held its output ended
	code         int           // exit code after done; -1 of a killed one
}

func (s *scene) start(m *member, args ...string) *command {
	s.t.Helper()
	c := s.prepare(m, args...)
	s.must(c.cmd.Start())
	s.await(c)
	return c
}

// prepare makes a command that is not started yet.
func (s *scene) prepare(m *member, args ...string) *command {
	profile, binary := s.profile, s.binary
	if m.profile != "" {
		profile = m.profile
	}
	if m.binary != "" {
		binary = m.binary
	}
	args = append(args[:1:1], append([]string{"--network", profile, "--data-dir", m.config.DataDir}, args[1:]...)...)
	c := &command{s: s, what: args[0], member: m.name, cmd: exec.Command(binary, args...), out: new(capture), log: new(capture),
		done: make(chan struct{})}
	home := filepath.Join(s.dir, "home")
	c.cmd.Env = []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home, "TMPDIR=" + filepath.Join(s.dir, "tmp"),
		"RERIG_UP_CONTAINERS=off"} // tests of containers say otherwise
	c.cmd.Env = append(c.cmd.Env, m.env...)
	c.cmd.Dir = filepath.Join(s.dir, "cwd")
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.log
	c.cmd.WaitDelay = 10 * time.Second // then a child of it holds its output
	return c
}

// await waits for the end of a command that was started.
func (s *scene) await(c *command) {
	s.running = append(s.running, c)
	go func() {
		defer close(c.done)
		if err := c.cmd.Wait(); errors.Is(err, exec.ErrWaitDelay) {
			s.t.Errorf("%s of %s left a child that holds its output", c.what, c.member)
		}
		c.code = c.cmd.ProcessState.ExitCode()
	}()
}

func (c *command) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// kill ends the process as a crash does and waits until its sandboxes are gone too.
func (c *command) kill() {
	c.s.t.Helper()
	children := offspring(c.cmd.Process.Pid)
	c.s.must(c.cmd.Process.Kill())
	<-c.done
	c.gone(children)
}

func (c *command) signal(sig os.Signal) {
	c.s.t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.s.t.Fatal(err)
	}
}

// finish sends a signal and wants an orderly end with an exit code.
func (c *command) finish(sig os.Signal, code int) {
	c.s.t.Helper()
	children := offspring(c.cmd.Process.Pid)
	c.signal(sig)
	c.exits(code)
	c.gone(children)
}

// exits waits for the end and checks the exit code.
func (c *command) exits(code int) {
	c.s.t.Helper()
	if c.wait(); c.code != code {
		c.s.t.Fatalf("%s of %s exits with %d, want %d\nstdout: %s\nstderr: %s", c.what, c.member, c.code, code, c.out, c.log)
	}
}

func (c *command) wait() {
	c.s.t.Helper()
	select {
	case <-c.done:
	case <-c.s.ctx.Done():
		_ = c.cmd.Process.Kill() // it may end just now
		<-c.done
		c.s.t.Fatalf("%s of %s did not end\nstdout: %s\nstderr: %s", c.what, c.member, c.out, c.log)
	}
}

func (c *command) gone(children []string) {
	c.s.t.Helper()
	c.s.until(fmt.Sprintf("the children of %s are gone", c.member), func() (bool, error) {
		return !anyAlive(children), nil
	})
}

// capture is what a process wrote; safe while it writes.
type capture struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (c *capture) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(b)
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

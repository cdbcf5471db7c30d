package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// canary is a process of the host's beside the jobs, for them to leave alone.
type canary struct {
	pid    int
	output *text
	before string
}

func newCanary(t testing.TB, w *witness) *canary {
	t.Helper()
	program := filepath.Join(w.base, "canary")
	guest := buildGuest(t, false)
	syscall.ForkLock.RLock() // no process that is being started may keep it open: it could not be run
	err := os.WriteFile(program, guest, 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "canary", w.secret+"-in-the-arguments")
	c := &canary{output: newText()}
	cmd.Stdout, cmd.Stderr = c.output, c.output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
	})
	r := running{stdout: c.output, stderr: c.output, done: make(chan struct{})}
	if err := r.wait("here"); err != nil {
		t.Fatal(err)
	}
	c.pid = cmd.Process.Pid
	c.before = c.state()
	w.aims.Canary = c.pid
	return c
}

// state is all that a job could have changed of the canary.
func (c *canary) state() string {
	var all strings.Builder
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.pid))
	_, rest, _ := strings.Cut(string(b), ") ")
	if f := strings.Fields(rest); len(f) > 17 {
		fmt.Fprintf(&all, "running %t, priority %s, nice %s\n", f[0] == "S" || f[0] == "R", f[15], f[16])
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	for line := range strings.Lines(string(status)) {
		for _, prefix := range []string{"TracerPid", "Cpus_allowed:", "Uid", "Gid", "Seccomp:"} {
			if strings.HasPrefix(line, prefix) {
				all.WriteString(line)
			}
		}
	}
	for _, name := range []string{"limits", "oom_score_adj", "cgroup"} {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.pid, name))
		all.Write(b)
	}
	fmt.Fprintln(&all, err)
	return all.String() + c.output.String()
}

func (c *canary) harmed() error {
	now := c.state()
	if now == c.before {
		return nil
	}
	err := fmt.Errorf("a process of the host's is not as it was; before\n%s\nnow\n%s", c.before, now)
	c.before = now
	return err
}

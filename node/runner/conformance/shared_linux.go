package conformance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// heldDescriptors has a job open what only the host's own kernel could give, and looks for
// it among the descriptors of its processes: for what an ordinary job's do not have.
func heldDescriptors(s *suite, w *witness, t testing.TB) error {
	ordinary, err := s.descriptorsOf("spin", "spinning")
	if err != nil {
		return err
	}
	now, err := s.descriptorsOf("hold", "held")
	if err != nil {
		return err
	}
	for what, n := range now {
		for _, bad := range []string{"io_uring", "userfaultfd", "perf_event", "bpf", "fanotify", "fscontext"} {
			if strings.Contains(what, bad) && n > ordinary[what] {
				err = errors.Join(err, fmt.Errorf("the job's processes hold %d of %s, and an ordinary job's %d", n, what, ordinary[what]))
			}
		}
	}
	return errors.Join(err, w.look("", ""))
}

// coreLimits looks whether the host's kernel would dump a job's memory when it crashes, by a
// program that runs outside with the host's root on many systems.
func coreLimits(s *suite, w *witness, t testing.TB) error {
	r, err := s.start(s.job("spin"))
	if err != nil {
		return err
	}
	defer func() { r.Stop(); <-r.done }()
	if err := r.wait("spinning"); err != nil {
		return err
	}
	program, err := os.Stat(filepath.Join(s.guest.root, "guest"))
	if err != nil {
		return err
	}
	for _, p := range s.sandboxes() {
		exe, gone := os.Stat(fmt.Sprintf("/proc/%d/exe", p.pid))
		if gone != nil || !os.SameFile(exe, program) {
			continue // not the host kernel's to run
		}
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", p.pid))
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && f[len(f)-2] != "0" {
				return fmt.Errorf("the job's process %d may dump %s", p.pid, line)
			}
		}
	}
	return w.look("", "")
}

// descriptorsOf runs a job until it says a line, and counts what its processes have open.
func (s *suite) descriptorsOf(action, line string) (map[string]int, error) {
	r, err := s.start(s.job(action))
	if err != nil {
		return nil, err
	}
	defer func() { r.Stop(); <-r.done }()
	if err := r.wait(line); err != nil {
		return nil, err
	}
	open := map[string]int{}
	for _, p := range s.sandboxes() {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.pid))
		for _, l := range links {
			to, _ := os.Readlink(l)
			open[to]++
		}
	}
	return open, nil
}

package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner/conformance/rig"
)

// killedRig kills a rig, jobs and all, at random points of its work, and opens the engine
// again over what it left.
func killedRig(s *suite, t testing.TB) error {
	if s.Rig == "" {
		return errors.New("the target has no rig program")
	}
	kills := 3
	if long() {
		kills = 30
	}
	temp, outs, dir := t.TempDir(), t.TempDir(), t.TempDir()
	order := rig.Order{Dir: dir, OutDirs: outs}
	for _, args := range [][]string{{"spin"}, {"echo", "a"}, {"grow"}, {"fill"}} {
		spec := s.job(args...)
		spec.Deadline = 700 * time.Millisecond
		order.Specs = append(order.Specs, spec)
	}
	b, err := json.Marshal(order)
	if err != nil {
		return err
	}
	path := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return err
	}
	var files int
	links := interfaces()
	for i := range kills {
		wait := time.Duration(rand.IntN(1500)) * time.Millisecond
		groups, err := killRig(s.Rig, path, temp, wait, s)
		if err != nil {
			return err
		}
		if err := s.openAfter(t, dir, temp, groups, links); err != nil {
			return fmt.Errorf("after a kill at %s: %w", wait, err)
		}
		switch now := filesUnder(dir); {
		case i == 0:
			files = now
		case now > files+1:
			return fmt.Errorf("%d files in the engine's directory after the first kill, %d after kill %d", files, now, i+1)
		}
	}
	return nil
}

// killRig starts a rig, kills it after a while, and returns the control groups of its jobs.
func killRig(program, order, temp string, wait time.Duration, s *suite) ([]string, error) {
	cmd := exec.Command(program, rig.Argument, order)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	out := &running{stdout: newText(), stderr: newText(), done: make(chan struct{})}
	cmd.Stderr = out.stderr
	pipe, err := cmd.StdoutPipe() // no writer of ours, which the sandboxes would hold open
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	first := make([]byte, len("started\n"))
	if _, err = pipe.Read(first); err == nil && string(first) != "started\n" {
		err = fmt.Errorf("it said %q", first)
	}
	var groups []string
	if err == nil {
		time.Sleep(wait) // any moment will do
		groups = s.groups()
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // says that it was killed
	if err != nil {
		return nil, fmt.Errorf("the rig did not start: %w: %s", err, out.stderr)
	}
	if text := out.stderr.String(); text != "" {
		return nil, fmt.Errorf("the rig says %s", brief(text))
	}
	return groups, nil
}

// openAfter opens the engine where a rig was killed: it must work, and nothing be left.
func (s *suite) openAfter(t testing.TB, dir, temp string, groups, links []string) error {
	e, stop, err := s.begin(t, dir)
	if err != nil {
		return err
	}
	r, err := startOn(e, s.job("echo", "again"))
	if err == nil {
		_, err = r.end()
	}
	if err == nil && r.stdout.String() != "again\n" {
		err = fmt.Errorf("the first job: %s", r.ending())
	}
	if stopped := stop(); err == nil {
		err = stopped
	}
	if err != nil {
		return err
	}
	return eventually("a clean host", func() error {
		if list := s.strangers(); len(list) > 0 {
			return fmt.Errorf("processes are left: %+v", list)
		}
		if left := slices.DeleteFunc(slices.Clone(groups), func(g string) bool {
			_, err := os.Stat(g)
			return errors.Is(err, fs.ErrNotExist)
		}); len(left) > 0 {
			return fmt.Errorf("control groups are left: %v", left)
		}
		if left := append(mountsUnder(dir), mountsUnder(temp)...); len(left) > 0 {
			return fmt.Errorf("mounts are left: %v", left)
		}
		if left := slices.DeleteFunc(interfaces(), func(l string) bool { return slices.Contains(links, l) }); len(left) > 0 {
			return fmt.Errorf("network interfaces are left: %v", left)
		}
		if list, err := os.ReadDir(temp); err != nil || len(list) > 0 {
			return fmt.Errorf("temporary files are left: %v, %v", list, err)
		}
		return nil
	})
}

package wasm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestChildIsStripped looks at a running child from outside.
func TestChildIsStripped(t *testing.T) {
	r := newRunner(t)
	t.Setenv("RERIG_SECRET", "x")
	j, err := r.Start(context.Background(), wat("loop"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	if err := j.WaitUsage(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	proc := fmt.Sprintf("/proc/%d/", j.(*Job).child.proc.Pid)
	if env, err := os.ReadFile(proc + "environ"); err != nil || len(env) != 0 {
		t.Errorf("environment %q, %v", env, err)
	}
	cwd, err := os.Readlink(proc + "cwd")
	if err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(cwd); err != nil || len(list) != 0 {
		t.Errorf("working directory %s holds %v, %v", cwd, list, err)
	}
	links, err := filepath.Glob(proc + "fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		to, err := os.Readlink(l)
		if err != nil {
			continue // closed meanwhile
		}
		if !slices.ContainsFunc([]string{"pipe:", "anon_inode:"}, func(p string) bool { return strings.HasPrefix(to, p) }) {
			t.Errorf("child has %s open", to)
		}
	}
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("status lacks %q", want)
		}
	}
}

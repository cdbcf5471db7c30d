package wasm

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// TestHostileGuests runs guests that misbehave; each ends with its own kind of
// failure, which names the limit, and the next job on the same runner works.
func TestHostileGuests(t *testing.T) {
	r := newRunner(t)
	with := func(s runner.Spec, change func(*runner.Spec)) runner.Spec { change(&s); return s }
	short := func(s *runner.Spec) { s.Deadline = 100 * time.Millisecond }
	tests := []struct {
		name   string
		spec   runner.Spec
		kind   runner.FailureKind
		detail string
	}{
		{"trap", wat("trap"), runner.FailureTrap, "unreachable"},
		{"recursion without end", wat("recurse"), runner.FailureTrap, "stack overflow"},
		{"loop without end", with(wat("loop"), short), runner.FailureDeadline, "100ms"},
		{"table without end", wat("tables"), runner.FailureMemory, "tables"},
		{"memory at once", wat("hugemem"), runner.FailureMemory, "over the limit of 134217728"},
		{"many files", guest("litter"), runner.FailureOutput, "16 files"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.spec.OutDir = t.TempDir()
			res, stdout, stderr := do(t, r, test.spec)
			if res.Failure == nil {
				t.Fatalf("no failure: %+v\n%s%s", res, stdout, stderr)
			}
			if res.Failure.Kind != test.kind || !strings.Contains(res.Failure.Detail, test.detail) {
				t.Fatalf("failure %v, want %s with %q", res.Failure, test.kind, test.detail)
			}
			if uint64(len(stdout)+len(stderr)) > test.spec.StdoutBytes {
				t.Errorf("%d bytes of output were delivered", len(stdout)+len(stderr))
			}
			if res.Usage.PeakMemoryBytes > test.spec.MemoryBytes {
				t.Errorf("peak memory %d is over the limit", res.Usage.PeakMemoryBytes)
			}
			if res, _, _ := do(t, r, wat("empty")); res.Failure != nil || res.ExitCode != 0 {
				t.Errorf("next job: %+v", res)
			}
		})
	}
}

func TestBadModules(t *testing.T) {
	r := newRunner(t)
	whole := wat("empty").Module
	tests := []struct {
		name   string
		module []byte
		detail string
	}{
		{"no bytes", []byte{}, ""},
		{"text", []byte("#!/bin/sh\necho hello\n"), "magic"},
		{"cut short", whole[:len(whole)-3], ""},
		{"too large", make([]byte, MaxModuleBytes+1), "over 67108864 bytes"},
		{"no _start", wat("nostart").Module, "_start"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := wat("empty")
			s.Module = test.module
			_, err := r.Start(context.Background(), s, io.Discard, io.Discard)
			var f *runner.Failure
			if !errors.As(err, &f) || f.Kind != runner.FailureBadModule || !strings.Contains(f.Detail, test.detail) {
				t.Fatalf("error %v, want a bad module with %q", err, test.detail)
			}
		})
	}
	t.Run("unknown import", func(t *testing.T) {
		res, _, _ := do(t, r, wat("import"))
		if res.Failure == nil || res.Failure.Kind != runner.FailureBadModule {
			t.Fatalf("result %+v", res)
		}
	})
	t.Run("other hash", func(t *testing.T) {
		s := wat("empty")
		s.ModuleSHA256 = sha256.Sum256([]byte("other"))
		_, err := r.Start(context.Background(), s, io.Discard, io.Discard)
		var f *runner.Failure
		if !errors.As(err, &f) || f.Kind != runner.FailureBadModule {
			t.Fatalf("error %v, want a bad module", err)
		}
	})
	if left, _ := filepath.Glob(filepath.Join(r.cache.dir, "tmp", "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestLinkInOutputIsRefused plants what an escaped guest could leave behind.
func TestLinkInOutputIsRefused(t *testing.T) {
	r := newRunner(t)
	s := wat("empty")
	s.OutDir = t.TempDir()
	if err := os.Symlink("/etc/passwd", filepath.Join(s.OutDir, "result")); err != nil {
		t.Fatal(err)
	}
	res, _, _ := do(t, r, s)
	if res.Failure == nil || res.Failure.Kind != runner.FailureOutput || !strings.Contains(res.Failure.Detail, "not a regular file") {
		t.Fatalf("result %+v, %v", res, res.Failure)
	}
}

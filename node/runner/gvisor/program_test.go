//go:build linux

package gvisor

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner/cgroup"
)

// TestEmbeddedProgram runs a job in the sandbox that rerig brings along, which is started
// from memory and has no name on the disk.
func TestEmbeddedProgram(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run the tests as root, as CI does")
	}
	if _, err := embedded(); err != nil {
		t.Skip("needs the sandbox program: make embedded")
	}
	p, err := cgroup.Open("gvisorembedded")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	e := run(t, Config{DataDir: t.TempDir(), Program: rigProgram, Parent: p})
	if res, out := do(t, e, spec("echo", "embedded")); res.Failure != nil || out != "embedded\nembedded\n" {
		t.Errorf("%+v, said %q", res, out)
	}
	if err := os.WriteFile(e.program.path, []byte("x"), 0); !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ETXTBSY) {
		t.Errorf("writing to the program in memory: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(e.config.DataDir, programName+"*")); err != nil || len(left) > 0 {
		t.Errorf("on the disk there is %v, %v", left, err)
	}
}

// TestProgramFile unpacks where no program may be in memory, over what an earlier rig left.
func TestProgramFile(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("program"), 1<<16)
	packed := z.EncodeAll(want, nil)
	path := filepath.Join(t.TempDir(), programName)
	if err := os.WriteFile(path+".new", make([]byte, 2*len(want)), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := intoFile(packed, path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(p.path)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
		t.Errorf("the file has %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(p.path); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("it is %v, %v", info, err)
	}
	if _, err := intoFile(packed[:len(packed)/2], path); err == nil {
		t.Error("half a program was taken")
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("there is %v, %v", list, err)
	}
}

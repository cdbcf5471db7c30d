//go:build linux && !nogvisor

package gvisor

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// BenchmarkStart runs a program that does nothing, from Start to Wait.
func BenchmarkStart(b *testing.B) {
	e := open(b)
	for b.Loop() {
		if res, out := do(b, e, spec("nothing")); res.ExitCode != 0 || res.Failure != nil {
			b.Fatal(res, out)
		}
	}
}

// BenchmarkStartBare is the same program under gVisor's own command line with its
// defaults: what BenchmarkStart is compared with.
func BenchmarkStartBare(b *testing.B) {
	open(b) // skips where it could not run
	program := filepath.Join(b.TempDir(), "runsc")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./internal/bare")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	text, err := json.Marshal(&specs.Spec{
		Version: specs.Version,
		Root:    &specs.Root{Path: guestRoot},
		Process: &specs.Process{Args: []string{"/guest", "nothing"}, Cwd: "/"},
		Linux:   &specs.Linux{},
	})
	if err != nil {
		b.Fatal(err)
	}
	bundle := b.TempDir()
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o600); err != nil {
		b.Fatal(err)
	}
	state := filepath.Join(bundle, "state")
	b.Cleanup(func() { _ = unix.Unmount(filepath.Join(state, "null-netns"), unix.MNT_DETACH) }) // where gVisor keeps it
	n := 0
	for b.Loop() {
		n++
		cmd := exec.Command(program, "--root="+state, "--ignore-cgroups", "--network=none", os.Getenv("BARE"),
			"run", "--bundle="+bundle, fmt.Sprint("bare-", n))
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}

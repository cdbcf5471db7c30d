//go:build linux

package gvisor

import (
	"os"
	"testing"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/conformance"
)

// target is this engine for the suite that every engine passes.
func target(t testing.TB) conformance.Target {
	if os.Geteuid() != 0 {
		t.Skip("needs root: run the tests as root, as CI does")
	}
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err == nil {
		fuse.Close()
	}
	return conformance.Target{
		Looks: err != nil,
		Open: func(t testing.TB, dir string) (runner.Engine, error) {
			p, err := cgroup.Open("gvisorrig") // as the rig does, whose groups it removes
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
			return New(Config{DataDir: dir, Program: rigProgram, Sandbox: sandboxProgram, Parent: p, Warm: -1}) // the suite counts processes
		},
		Rig: rigProgram, Binary: sandboxProgram,
	}
}

func TestConformance(t *testing.T) { conformance.Run(t, target(t)) }
func TestHostile(t *testing.T)     { conformance.Hostile(t, target(t)) }

// TestHostileWithInterface: a job with a network interface gets no further than one without.
func TestHostileWithInterface(t *testing.T) {
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun: load the module tun")
	}
	with := target(t)
	open := with.Open
	with.Open = func(t testing.TB, dir string) (runner.Engine, error) {
		e, err := open(t, dir)
		if err != nil {
			return nil, err
		}
		return conformance.Interfaced(e), nil
	}
	conformance.Hostile(t, with)
}

// BenchmarkLoops compares computing, system calls and files inside with the host's.
func BenchmarkLoops(b *testing.B) { conformance.Loops(b, target(b)) }

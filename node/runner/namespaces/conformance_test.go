//go:build linux

package namespaces

import (
	"os"
	"testing"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/conformance"
)

// openEngine opens an engine over control groups, or skips.
func openEngine(t testing.TB) *Engine {
	t.Helper()
	parent, err := cgroup.Open("nstest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := parent.Close(); err != nil {
			t.Error(err)
		}
	})
	if m, c, p, f := parent.Enforces(); !m || !c || !p || !f {
		t.Skip("needs control groups for memory, cpu, pids and freezer: run as root with them mounted")
	}
	e, err := New(Config{Program: program, Parent: parent})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func target() conformance.Target {
	return conformance.Target{
		Open: func(t testing.TB, _ string) (runner.Engine, error) { return openEngine(t), nil },
		Rig:  program,
	}
}

func TestConformance(t *testing.T) { conformance.Run(t, target()) }

func TestHostile(t *testing.T) { conformance.Hostile(t, target()) }

// TestHostileWithInterface: a job with a network interface gets no further than one without.
func TestHostileWithInterface(t *testing.T) {
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun: load the module tun")
	}
	with := target()
	with.Open = func(t testing.TB, _ string) (runner.Engine, error) { return conformance.Interfaced(openEngine(t)), nil }
	conformance.Hostile(t, with)
}

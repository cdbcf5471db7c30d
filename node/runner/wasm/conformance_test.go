package wasm

import (
	"testing"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/conformance"
)

// target is this engine for the suite that all engines pass.
func target() conformance.Target {
	return conformance.Target{
		Open: func(t testing.TB, dir string) (runner.Engine, error) {
			return New(Config{DataDir: dir, SandboxPath: sandboxPath, Warm: 1})
		},
		WASM:   true,
		Rig:    rigPath,
		Binary: sandboxPath,
	}
}

func TestConformance(t *testing.T) {
	t.Setenv("RERIG_TEST_SANDBOX", sandboxPath) // for the rig
	conformance.Run(t, target())
}

func TestHostile(t *testing.T) { conformance.Hostile(t, target()) }

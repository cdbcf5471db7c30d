//go:build linux

// Command rig is the rig that the conformance suite kills, and what the self-test runs
// inside its sandboxes: the race detector's binaries are not static. The sandbox program is
// beside it.
package main

import (
	"os"
	"path/filepath"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/conformance/rig"
	"github.com/rerig/rerig/node/runner/gvisor"
)

func main() {
	if gvisor.Main() {
		return
	}
	rig.Main(func(dir string) (runner.Engine, error) {
		p, err := cgroup.Open("gvisorrig")
		if err != nil {
			return nil, err
		}
		own, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return gvisor.New(gvisor.Config{DataDir: dir, Parent: p, Sandbox: filepath.Join(filepath.Dir(own), "sandbox")})
	})
}

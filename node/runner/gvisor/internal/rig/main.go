//go:build linux && !nogvisor

// Command rig is the least static binary that holds gVisor: what the engine's tests start
// their sandboxes from, as the race detector's binaries are not static, and the rig
// that the conformance suite kills.
package main

import (
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
		return gvisor.New(gvisor.Config{DataDir: dir, Parent: p})
	})
}

// Command rig runs jobs on this engine until it is killed, for the conformance suite.
package main

import (
	"os"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/conformance/rig"
	"github.com/rerig/rerig/node/runner/wasm"
)

func main() {
	rig.Main(func(dir string) (runner.Engine, error) {
		return wasm.New(wasm.Config{DataDir: dir, SandboxPath: os.Getenv("RERIG_TEST_SANDBOX"), Warm: 1})
	})
}

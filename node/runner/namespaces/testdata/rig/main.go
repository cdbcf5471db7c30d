// Command rig is the static binary of this package's tests: a sandbox, and what is
// killed beside one.
package main

import (
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/conformance/rig"
	"github.com/rerig/rerig/node/runner/namespaces"
)

func main() {
	if namespaces.Main() {
		return
	}
	rig.Main(func(string) (runner.Engine, error) {
		parent, err := cgroup.Open("nstest")
		if err != nil {
			return nil, err
		}
		return namespaces.New(namespaces.Config{Parent: parent})
	})
}

// Command rig is what the tests with a real Docker engine bind into containers as the
// helper, and kill as a rig.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/conformance/rig"
	"github.com/rerig/rerig/node/runner/docker"
)

func main() {
	if docker.Main() {
		return
	}
	rig.Main(func(dir string) (runner.Engine, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return docker.New(docker.Config{Owner: fmt.Sprintf("%x", sha256.Sum256([]byte(dir))), DataDir: dir, Helper: self, AllowRunc: true})
	})
}

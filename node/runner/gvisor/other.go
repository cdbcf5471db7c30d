//go:build !linux

package gvisor

import (
	"fmt"
	"runtime"

	"github.com/rerig/rerig/node/runner"
)

// Parent makes control groups, where there are some.
type Parent struct{}

// Engine is never made in this build.
type Engine struct{ runner.Engine }

// Main returns false: no process of this build is a sandbox.
func Main() bool { return false }

// New returns ErrNotHere.
func New(Config) (*Engine, error) {
	return nil, fmt.Errorf("%w: it is for Linux, and this is %s", ErrNotHere, runtime.GOOS)
}

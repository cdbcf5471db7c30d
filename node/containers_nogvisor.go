//go:build !linux || nogvisor

package node

import (
	"log/slog"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/gvisor"
)

// openGvisor returns why there is none.
func openGvisor(*RigConfig, string, *slog.Logger) (runner.Engine, error) {
	_, err := gvisor.New(gvisor.Config{})
	return nil, err
}

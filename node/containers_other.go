//go:build !linux

package node

import (
	"log/slog"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/gvisor"
	"github.com/rerig/rerig/node/runner/namespaces"
)

// openGvisor returns why there is none.
func openGvisor(*RigConfig, string, *slog.Logger) (runner.Engine, error) {
	_, err := gvisor.New(gvisor.Config{})
	return nil, err
}

// openNamespaces returns why there are none.
func openNamespaces(*RigConfig, *slog.Logger) (runner.Engine, error) {
	_, err := namespaces.New(namespaces.Config{})
	return nil, err
}

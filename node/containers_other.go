//go:build !linux

package node

import (
	"log/slog"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/namespaces"
)

// openNamespaces returns why there are none.
func openNamespaces(*RigConfig, *slog.Logger) (runner.Engine, error) {
	_, err := namespaces.New(namespaces.Config{})
	return nil, err
}

package node

import (
	"fmt"
	"log/slog"

	"github.com/rerig/rerig/node/runner"
)

// openContainers opens the engine that holds containers the way that cfg names.
func openContainers(cfg *RigConfig, dir string, log *slog.Logger) (runner.Engine, error) {
	return nil, fmt.Errorf("--containers %q: gvisor, namespaces or docker", cfg.Containers)
}

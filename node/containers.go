package node

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/rerig/rerig/node/runner"
)

// The ways in which a rig holds containers (SPEC §5.1).
const (
	HeldByGvisor     = "gvisor"     // a kernel of their own, in user space
	HeldByNamespaces = "namespaces" // the host's kernel answers them: weaker
	HeldByDocker     = "docker"     // the miner's Docker Engine
)

// openContainers opens the engine that holds containers the way that cfg names. Its
// files are in dir.
func openContainers(cfg *RigConfig, dir string, log *slog.Logger) (runner.Engine, error) {
	dir = filepath.Join(dir, cfg.Containers)
	switch cfg.Containers {
	case HeldByGvisor:
		return openGvisor(cfg, dir, log)
	}
	return nil, fmt.Errorf("containers held by %q: gvisor is known", cfg.Containers)
}

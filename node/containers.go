package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/docker"
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
	case HeldByNamespaces:
		return openNamespaces(cfg, log)
	case HeldByDocker:
		return openDocker(cfg, dir, log)
	}
	return nil, fmt.Errorf("containers held by %q: %s, %s and %s are known", cfg.Containers, HeldByGvisor, HeldByNamespaces, HeldByDocker)
}

// ProbeContainers runs the self-test of a way of holding containers, with its files in
// dir, and names the limits to which this machine does not hold a job.
func ProbeContainers(ctx context.Context, held, dir string) (unheld []string, err error) {
	e, err := openContainers(&RigConfig{Containers: held, AllowRunc: true}, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(running) }()
	var caps runner.Caps
	select {
	case <-e.Started():
		caps, err = e.Probe(ctx)
	case <-ctx.Done():
		err = ctx.Err()
	}
	stop()
	return unlimited(caps), errors.Join(err, <-ended, e.Close())
}

// openDocker opens the miner's Docker Engine. The directory's path tells this rig's
// containers from another's.
func openDocker(cfg *RigConfig, dir string, log *slog.Logger) (runner.Engine, error) {
	program := cfg.ContainerProgram
	if program == "" {
		own, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		program = own
	}
	owner := sha256.Sum256([]byte(dir))
	e, err := docker.New(docker.Config{Owner: hex.EncodeToString(owner[:8]), DataDir: dir, Helper: program, AllowRunc: cfg.AllowRunc, Logger: log})
	if err != nil { // a nil *Engine is no nil Engine
		return nil, err
	}
	return e, nil
}

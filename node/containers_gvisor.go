//go:build linux && !nogvisor

package node

import (
	"log/slog"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/gvisor"
)

func openGvisor(cfg *RigConfig, dir string, log *slog.Logger) (runner.Engine, error) {
	return withGroups(func(parent *cgroup.Parent) (runner.CardProber, error) {
		return gvisor.New(gvisor.Config{DataDir: dir, Program: cfg.ContainerProgram, Parent: parent, Logger: log})
	})
}

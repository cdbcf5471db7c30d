package node

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/gvisor"
	"github.com/rerig/rerig/node/runner/namespaces"
)

func openGvisor(cfg *RigConfig, dir string, log *slog.Logger) (runner.Engine, error) {
	return withGroups(func(parent *cgroup.Parent) (runner.CardProber, error) {
		return gvisor.New(gvisor.Config{DataDir: dir, Program: cfg.ContainerProgram, Parent: parent, Logger: log})
	})
}

func openNamespaces(cfg *RigConfig, log *slog.Logger) (runner.Engine, error) {
	return withGroups(func(parent *cgroup.Parent) (runner.CardProber, error) {
		return namespaces.New(namespaces.Config{Program: cfg.ContainerProgram, Parent: parent, Logger: log})
	})
}

// withGroups opens an engine that puts its jobs into control groups.
func withGroups(open func(*cgroup.Parent) (runner.CardProber, error)) (runner.Engine, error) {
	parent, err := cgroup.Open("rerig")
	if err != nil {
		return nil, fmt.Errorf("control groups: %w", err)
	}
	e, err := open(parent)
	if err != nil {
		return nil, errors.Join(err, parent.Close())
	}
	return grouped{e, parent}, nil
}

// grouped is an engine that owns the control groups it was given.
type grouped struct {
	runner.CardProber
	parent *cgroup.Parent
}

// Close closes the engine, then its groups.
func (g grouped) Close() error { return errors.Join(g.CardProber.Close(), g.parent.Close()) }

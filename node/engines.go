package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/wasm"
	"github.com/rerig/rerig/protocol"
)

// The ways in which a rig holds containers (SPEC §5.1).
const (
	HeldByGvisor     = "gvisor"     // a kernel of their own, in user space
	HeldByNamespaces = "namespaces" // the host's kernel answers them: weaker
	HeldByDocker     = "docker"     // the miner's Docker Engine
)

// engines are those that a rig has, whether or not they passed their self-test.
type engines struct {
	list []sold
	log  *slog.Logger
}

// sold is an engine and the names under which it is offered and hired.
type sold struct {
	engine runner.Engine
	names  []string
}

// openEngines opens the engine of WASM modules and, where the miner wants one, that of
// containers. One of containers that cannot be opened here is told of and left out.
func (n *Node) openEngines(cfg *RigConfig) (*engines, *wasm.Engine, error) {
	e := &engines{log: n.log}
	modules, err := wasm.New(wasm.Config{DataDir: filepath.Join(n.cfg.DataDir, "sandbox"),
		SandboxPath: cfg.SandboxPath, Warm: cfg.Warm, Logger: n.log})
	if err != nil {
		return nil, nil, fmt.Errorf("sandbox: %w", err)
	}
	e.list = append(e.list, sold{modules, []string{protocol.EngineWASM}})
	n.opened = append(n.opened, modules)
	if cfg.Containers == "" {
		return e, modules, nil
	}
	held, err := openContainers(cfg, filepath.Join(n.cfg.DataDir, "containers"), n.log)
	if err != nil {
		n.log.Warn("containers are not sold here", "held by", cfg.Containers, "err", err)
		return e, modules, nil
	}
	n.opened = append(n.opened, held)
	e.list = append(e.list, sold{held, []string{protocol.EngineContainer, protocol.EngineContainer + ":" + cfg.Containers}})
	return e, modules, nil
}

// byName is every engine under each of its names.
func (e *engines) byName() map[string]runner.Engine {
	m := map[string]runner.Engine{}
	for _, s := range e.list {
		for _, name := range s.names {
			m[name] = s.engine
		}
	}
	return m
}

// run owns the engines' processes until ctx ends.
func (e *engines) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range e.list {
		g.Go(func() error { return s.engine.Run(ctx) })
	}
	return g.Wait()
}

// prove runs every engine's self-test and lists the names of those that passed
// (SPEC §4.2). Without the first, which needs nothing of the machine, a rig is broken.
func (e *engines) prove(ctx context.Context) (names []string, err error) {
	for i, s := range e.list {
		select {
		case <-s.engine.Started():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		caps, err := s.engine.Probe(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && i == 0:
			return nil, err
		case err != nil:
			e.log.Warn("self-test failed: not sold here", "engine", s.names[len(s.names)-1], "err", err)
			continue
		}
		log := e.log.With("engine", s.names[len(s.names)-1])
		if not := unlimited(caps); len(not) > 0 {
			log.Warn("this machine does not hold jobs to their limits", "of", not)
		}
		log.Info("sandbox self-test passed")
		names = append(names, s.names...)
	}
	if len(names) == 0 {
		return nil, errors.New("no engine")
	}
	return names, nil
}

// unlimited names what the kernel does not hold a job to on this machine.
func unlimited(c runner.Caps) (names []string) {
	for _, l := range []struct {
		name string
		held bool
	}{{"memory", c.MemoryLimit}, {"cpu", c.CPULimit}, {"processes", c.ProcessLimit}} {
		if !l.held {
			names = append(names, l.name)
		}
	}
	return names
}

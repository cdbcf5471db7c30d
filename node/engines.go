package node

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/image"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/model"
	"github.com/rerig/rerig/node/runner/wasm"
	"github.com/rerig/rerig/node/wire"
	"github.com/rerig/rerig/protocol"
)

// engines are those that a rig has, whether or not they passed their self-test.
type engines struct {
	list   []sold
	images *image.Store  // nil where no containers are run
	models *model.Engine // nil where no models are run
	linked []string      // names of those whose jobs can be in a private link, once proved
	log    *slog.Logger
	tested func(engine string, passed bool) // is told each self-test
}

// sold is an engine and the names under which it is offered and hired.
type sold struct {
	engine runner.Engine
	names  []string
	inside bool // runs its jobs in the engine before it, which holds their limits
}

// openEngines opens the engine of WASM modules and, where the miner wants one, that of
// containers. One of containers that cannot be opened here is told of and left out.
func (n *Node) openEngines(cfg *RigConfig) (*engines, *wasm.Engine, error) {
	e := &engines{log: n.log, tested: n.measured.tested}
	modules, err := wasm.New(wasm.Config{DataDir: filepath.Join(n.cfg.DataDir, "sandbox"),
		SandboxPath: cfg.SandboxPath, Warm: cfg.Warm, Logger: n.log})
	if err != nil {
		return nil, nil, fmt.Errorf("sandbox: %w", err)
	}
	e.list = append(e.list, sold{engine: modules, names: []string{protocol.EngineWASM}})
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
	if e.images, err = n.openImages(cfg); err != nil {
		return nil, nil, err
	}
	e.list = append(e.list, sold{engine: held, names: []string{protocol.EngineContainer, protocol.EngineContainer + ":" + cfg.Containers}})
	models, err := model.New(model.Config{Held: held, Dir: filepath.Join(n.cfg.DataDir, "containers", "models"), Program: cfg.ContainerProgram})
	if err != nil {
		n.log.Warn("models are not sold here", "err", err)
		return e, modules, nil
	}
	e.models = models
	e.list = append(e.list, sold{engine: models, names: []string{protocol.EngineModel}, inside: true})
	return e, modules, nil
}

// imageBytes is the most disk for unpacked images where the miner does not say.
const imageBytes = 20 << 30

// openImages opens the store of unpacked images.
func (n *Node) openImages(cfg *RigConfig) (*image.Store, error) {
	most := cfg.ImageBytes
	if most == 0 {
		hw, err := hardware.Detect(n.cfg.DataDir)
		if err != nil {
			return nil, err
		}
		most = max(min(imageBytes, int64(hw.DiskMiB)<<20/4), 1<<20)
	}
	return image.Open(image.Config{Dir: filepath.Join(n.cfg.DataDir, "images"), MaxBytes: most, Logger: n.log,
		Limits: image.Limits{Bytes: most / 2}}) // unpacking is not paid for: one image may not evict all others
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
	if e.images != nil {
		g.Go(func() error { return e.images.Run(ctx) })
	}
	return g.Wait()
}

// proveModules runs the self-test of the engine that needs nothing of the machine: a rig
// that fails it is broken.
func (e *engines) proveModules(ctx context.Context) ([]string, error) {
	_, err := e.prove(ctx, e.list[0])
	return e.list[0].names, err
}

// proveOthers runs the other engines' self-tests and lists the names of those that passed,
// and among them of those whose jobs' ports were reached.
func (e *engines) proveOthers(ctx context.Context) (names, dialled []string) {
	for _, s := range e.list[1:] {
		caps, err := e.prove(ctx, s)
		if err != nil && ctx.Err() == nil { // a busy machine may have been too slow
			e.log.Info("self-test failed; it is tried once more", "engine", s.names[len(s.names)-1], "err", err)
			caps, err = e.prove(ctx, s)
		}
		switch {
		case ctx.Err() != nil:
			return nil, nil
		case err != nil:
			e.log.Warn("self-test failed: not sold here", "engine", s.names[len(s.names)-1], "err", err)
			return names, dialled // what follows runs inside it
		default:
			names = append(names, s.names...)
			if caps.Interface && wire.Here {
				e.linked = append(e.linked, s.names...)
			}
			if caps.Dial {
				dialled = append(dialled, s.names...)
			}
		}
	}
	return names, dialled
}

// prove runs an engine's self-test (SPEC §4.2).
func (e *engines) prove(ctx context.Context, s sold) (runner.Caps, error) {
	select {
	case <-s.engine.Started():
	case <-ctx.Done():
		return runner.Caps{}, ctx.Err()
	}
	caps, err := s.engine.Probe(ctx)
	if ctx.Err() == nil {
		e.tested(s.names[len(s.names)-1], err == nil)
	}
	if err != nil {
		return caps, err
	}
	log := e.log.With("engine", s.names[len(s.names)-1])
	if not := unlimited(caps); len(not) > 0 && !s.inside {
		log.Warn("this machine does not hold jobs to their limits", "of", not)
	}
	log.Info("sandbox self-test passed")
	return caps, nil
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

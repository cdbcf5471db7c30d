// Package docker is the adapter for miners who already run Docker and prefer it: it holds
// containers (SPEC §5.1, "container:docker") through the Engine API on the machine's own
// socket. Begin with New, keep Run going, and call Start for each job.
//
// PROVEN on Docker 20.10.24 (API 1.41) with runc 1.1.5, cgroup v1 and a rig that is root:
// Probe and conformance.Run passed there, by hand; of conformance.Hostile 85 of 100 attempts
// were contained, for that Docker's seccomp profile allows hypervisor sockets. UNPROVEN, tested against a scripted API only: Docker's runsc, newer engines, cgroup
// v2, rootless and remapped engines, rigs that are not root, Docker Desktop and Windows.
// Probe runs small jobs for real wherever it is called, and refuses an engine that does not
// hold what is promised.
//
// The helper, a static program of the rig's own, is bound into every container and is its
// first process (launch.go): it gives the program its exact environment, says when it
// begins and ends, so that all of its CPU time is counted, sends what the program left in
// /out, which is memory held by the kernel to its limits (output.go), and ends all when the
// rig dies. It takes some of the job's memory, for which the limit is 32 MiB higher.
//
// A program begun with Exec cannot be killed alone, and finds PATH, HOME and HOSTNAME in an
// environment without them.
//
// The official client (github.com/moby/moby/client, 1.2 MB in a binary) makes the requests:
// its types name the API's fields, which nobody could check here against an engine. Package
// code bounds what it reads by the bytes of each connection.
package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/rerig/rerig/node/runner"
)

// Labels of what is made in the engine.
const (
	ownerLabel    = "org.rerig.owner"    // on containers: Config.Owner
	skeletonLabel = "org.rerig.skeleton" // on images: Config.Owner
)

// maxJobs is how many jobs may run at once.
const maxJobs = 256

// Config is what an Engine needs.
type Config struct {
	// Host is the engine's address, unix://PATH or npipe://PATH; "" for DOCKER_HOST, the
	// user's own engine or the system's, the first there is.
	Host string
	// Owner labels this rig's containers: what carries it and is not of this Engine is
	// killed. Two rigs on one engine need different ones.
	Owner string
	// DataDir holds the files of Probe's jobs. The engine must be able to bind from it.
	DataDir string
	// Helper is a static Linux program that calls Main first thing. It is bound into every
	// container, read-only, for Probe and Dial.
	Helper string
	// AllowRunc is the miner's word that jobs may run under runc, where the host's kernel
	// answers them, when the engine has no runsc (gVisor).
	AllowRunc bool
	// Logger gets what nobody is told otherwise; nil for none.
	Logger *slog.Logger
}

// Engine runs jobs in a Docker engine. Its jobs belong to Run.
type Engine struct {
	config Config
	log    *slog.Logger
	host   string
	api    *client.Client
	images *images
	// patience is how long the engine may take; set before Run.
	patience patience

	started chan struct{} // closed when Run first begins
	once    sync.Once     // closes started
	dirty   chan struct{} // to Run, capacity 1: containers may be left over

	judging sync.Mutex // one look at the engine at a time

	mu      sync.Mutex // guards what follows
	running bool
	kind    *kind               // what the engine is, as last judged; nil before
	live    map[string]struct{} // names of containers that are in use
	jobs    map[*Job]struct{}   // not settled
}

var ownerForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// New prepares an engine. It sends nothing, and fails for a configuration without an owner,
// data directory or helper, and for an engine that is not on this machine.
func New(cfg Config) (*Engine, error) {
	if !ownerForm.MatchString(cfg.Owner) {
		return nil, fmt.Errorf("owner %q: give 1 to 128 letters, digits, dots, dashes or underscores", cfg.Owner)
	}
	if cfg.DataDir == "" {
		return nil, errors.New("the Docker engine needs a data directory")
	}
	helper, err := os.Stat(cfg.Helper)
	if err != nil {
		return nil, fmt.Errorf("find the helper program: %w", err)
	}
	if !helper.Mode().IsRegular() {
		return nil, fmt.Errorf("helper %s is not a file", cfg.Helper)
	}
	for _, p := range []*string{&cfg.DataDir, &cfg.Helper} {
		if *p, err = filepath.Abs(*p); err != nil {
			return nil, fmt.Errorf("find the Docker engine's files: %w", err)
		}
	}
	// The engine resolves links of bound paths by itself, so it is given none.
	if cfg.Helper, err = filepath.EvalSymlinks(cfg.Helper); err != nil {
		return nil, fmt.Errorf("find the helper program: %w", err)
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	host, err := localHost(cfg.Host)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		config: cfg, log: log, host: host, patience: defaultPatience,
		started: make(chan struct{}), dirty: make(chan struct{}, 1),
		live: map[string]struct{}{}, jobs: map[*Job]struct{}{},
	}
	if e.api, err = newClient(host, answerBytes); err != nil {
		return nil, err
	}
	e.images = &images{api: e.api, owner: cfg.Owner, patience: &e.patience, used: map[string]time.Time{}}
	return e, nil
}

// Name is the engine's in offers and job specs.
func (e *Engine) Name() string { return "container" }

// Started is closed when Run has begun, so that Start and Probe may be called.
func (e *Engine) Started() <-chan struct{} { return e.started }

// Close frees what New took. Call it after Run has returned.
func (e *Engine) Close() error { return e.api.Close() }

// Run removes what earlier runs with the same owner left in the engine, then what cannot be
// removed at once later, until ctx is done. It kills every job then and returns when all
// have ended: nil, or an error when it was running already.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	if e.running {
		e.mu.Unlock()
		return errors.New("the Docker engine is running already")
	}
	e.running = true
	e.mu.Unlock()
	e.once.Do(func() { close(e.started) })

	e.unclean()
	e.keepClean(ctx)

	e.mu.Lock()
	e.running = false
	left := make([]*Job, 0, len(e.jobs))
	for j := range e.jobs {
		left = append(left, j)
	}
	e.mu.Unlock()
	for _, j := range left {
		j.stop(&runner.Failure{Kind: runner.FailureKilled, Detail: "the rig is shutting down"})
	}
	for _, j := range left {
		<-j.done
	}
	return nil
}

func (e *Engine) keepClean(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.dirty:
		}
		for {
			err := e.sweep(ctx)
			if err == nil || ctx.Err() != nil {
				break
			}
			e.log.Warn("containers may be left in Docker; trying again", "err", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(e.patience.sweep):
			}
		}
	}
}

// unclean makes Run look for containers that are left over.
func (e *Engine) unclean() {
	select {
	case e.dirty <- struct{}{}:
	default:
	}
}

// sweep removes every container of this owner that no job of this Engine uses, by name:
// what a lost answer hid is found as well.
func (e *Engine) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience.start)
	defer cancel()
	if err := e.negotiate(ctx); err != nil {
		return err
	}
	filter := client.Filters{}.Add("label", ownerLabel+"="+e.config.Owner)
	found, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filter})
	if err != nil {
		return fmt.Errorf("list the containers of earlier jobs: %w", err)
	}
	var failed error
	for _, c := range found.Items {
		// A filter that the engine ignored must not cost the miner's own containers.
		if c.Labels[ownerLabel] != e.config.Owner || e.inUse(c.Names) {
			continue
		}
		if err := e.remove(ctx, c.ID); err != nil {
			failed = err
		}
	}
	return failed
}

func (e *Engine) inUse(names []string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range names {
		if len(n) > 0 && n[0] == '/' {
			n = n[1:]
		}
		if _, ok := e.live[n]; ok {
			return true
		}
	}
	return false
}

// take reserves a name for a job's container.
func (e *Engine) take() (string, error) {
	name := "rerig-" + rand.Text()
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !e.running:
		return "", runner.ErrNotRunning
	case len(e.live) >= maxJobs:
		return "", fmt.Errorf("%d jobs run already, the most at once: wait for one to end", maxJobs)
	}
	e.live[name] = struct{}{}
	return name, nil
}

// release gives a name back. A container that could not be removed is swept by it.
func (e *Engine) release(name string, removed bool) {
	e.mu.Lock()
	delete(e.live, name)
	e.mu.Unlock()
	if !removed {
		e.unclean()
	}
}

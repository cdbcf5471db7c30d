package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/rerig/rerig/engine/ask"
	"github.com/rerig/rerig/node/models"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/model"
	"github.com/rerig/rerig/protocol"
)

// ServeConfig is a model that a rig serves.
type ServeConfig struct {
	Name       string          // in the API, printable, at most protocol.MaxModelName bytes
	Path       string          // of its GGUF file
	PerMillion protocol.Amount // base units for a million units of UnitTokenOut
	Tick       uint64          // units between payments; 0 is 256
	MemoryMiB  uint32          // of its server; 0 is a quarter more than its file, and 512
	Context    uint32          // tokens of a request that an engine pack is to take; 0 is 4096
}

const (
	defaultModelTick = 256       // units of UnitTokenOut
	besideModel      = 512 << 20 // bytes that a server takes beside its file and a quarter of it
	modelsAtOnce     = 4         // texts that a server computes together
	modelsQueue      = 256       // requests that may wait with it; sessions hold themselves to as many
)

// served is the models of a rig, once its sandbox has passed its self-test.
type served struct {
	cfg       *RigConfig
	artifacts artifacts
	dir       string // of the weights as servers see them
	packs     *packs // nil where Rerig's own engine computes them
	changed   func()
	log       *slog.Logger
	opened    chan struct{} // closed by prove when set is there, or there is to be none

	mu  sync.Mutex // guards set; owner: served
	set *models.Set
}

// openServed checks what the miner wants to serve; nil where that is nothing.
func (n *Node) openServed(cfg *RigConfig, e *engines) (*served, error) {
	if len(cfg.Serve) == 0 {
		return nil, nil
	}
	if cfg.Containers == "" {
		return nil, errors.New("models are served in the sandbox of containers, and this rig has none; choose one with --containers")
	}
	if len(cfg.Serve) > protocol.MaxModels {
		return nil, fmt.Errorf("%d models to serve, an offer has room for %d; leave some out", len(cfg.Serve), protocol.MaxModels)
	}
	for _, m := range cfg.Serve {
		st, err := os.Stat(m.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("model %s: there is no file %s", m.Name, m.Path)
		case err != nil:
			return nil, fmt.Errorf("model %s: %w", m.Name, err)
		}
		if need := m.memory(st.Size()); need > uint64(cfg.ModelMemoryMiB)<<20 {
			return nil, fmt.Errorf("model %s needs %d MiB of memory, all models together may have %d MiB; raise --model-memory", m.Name, need>>20, cfg.ModelMemoryMiB)
		}
	}
	s := &served{cfg: cfg, artifacts: artifacts{n.artifacts}, dir: filepath.Join(n.cfg.DataDir, "containers", "served"),
		changed: n.discovery.Refresh, log: n.log, opened: make(chan struct{})}
	if cfg.EnginePack == "" {
		return s, nil
	}
	s.packs = &packs{n: n, cfg: cfg, held: e.byName()[protocol.EngineContainer], images: e.images, cards: func() *cards { return n.rig.cards }, dir: s.dir}
	if protocol.CheckCID("pack", cfg.EnginePack) == nil {
		return s, nil
	}
	file, err := readPackFile(cfg.EnginePack)
	if err == nil { // better now than in the log
		_, err = checkPack(file, cfg.Publishers)
	}
	return s, err
}

// memory is what the server of the model, of so many bytes, may take.
func (m *ServeConfig) memory(size int64) uint64 {
	if m.MemoryMiB > 0 {
		return uint64(m.MemoryMiB) << 20
	}
	return uint64(size)/4*5 + besideModel
}

// run owns the servers until ctx ends.
func (s *served) run(ctx context.Context) error {
	if s == nil {
		return nil
	}
	select {
	case <-s.opened:
	case <-ctx.Done():
		return nil
	}
	if set := s.have(); set != nil {
		return set.Run(ctx)
	}
	return nil
}

// have is the set; nil while there is none.
func (s *served) have() *models.Set {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set
}

// prove keeps the weights, by their CIDs, and has each model make tokens. Those that do are
// offered from then on; it is told why others are not. A nil engine passed no self-test.
func (s *served) prove(ctx context.Context, engine *model.Engine, token Token) {
	if s == nil {
		return
	}
	defer func() {
		if s.have() == nil {
			close(s.opened)
		}
	}()
	if engine == nil {
		s.log.Warn("no model is served: the sandbox for them did not pass its self-test")
		return
	}
	if err := s.fill(ctx, engine); err != nil {
		if ctx.Err() == nil {
			s.log.Warn("no model is served", "err", err)
		}
		return
	}
	close(s.opened)
	set := s.have()
	if err := set.Prove(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("some models are not served", "err", err)
	}
	for _, m := range set.Served() {
		s.log.Info("serving model", "model", m.Name, "context", m.Context, "price", token.Text(m.PerMillion)+" per million tokens", "cid", m.CID)
	}
	s.changed()
}

// fill keeps the weights and makes the set.
func (s *served) fill(ctx context.Context, engine *model.Engine) error {
	if err := resetModels(s.dir); err != nil {
		return err
	}
	cfg := models.Config{MemoryBytes: uint64(s.cfg.ModelMemoryMiB) << 20, Engine: modelEngine{engine, s.dir}, Continues: s.packs == nil,
		Changed: s.changed, Logger: s.log}
	if s.packs != nil {
		e, err := s.packs.open(ctx)
		if err != nil {
			return err
		}
		cfg.Engine, cfg.Places = e, e.places(ctx)
	}
	for _, m := range s.cfg.Serve {
		cid, size, err := s.artifacts.AddFile(ctx, m.Path)
		if err != nil {
			return fmt.Errorf("keep model %s: %w", m.Name, err)
		}
		s.artifacts.Pin(cid) // as long as the node runs
		path, ok := s.artifacts.Path(cid)
		if !ok {
			return fmt.Errorf("model %s went out of the store at once; make the cache larger", m.Name)
		}
		cfg.Models = append(cfg.Models, models.Model{Path: path, MemoryBytes: m.memory(int64(size)),
			Served: protocol.Served{CID: cid, Name: m.Name, PerMillion: m.PerMillion, Tick: m.Tick}})
	}
	set, err := models.New(cfg)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = set
	return nil
}

// resetModels makes an empty directory.
func resetModels(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear the models' directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the models' directory: %w", err)
	}
	return nil
}

// Served lists what is offered.
func (s *served) Served() []protocol.Served {
	if set := s.have(); set != nil {
		return set.Served()
	}
	return nil
}

// Open begins a session.
func (s *served) Open(ctx context.Context, cid string, _, _ io.Writer) (provider.Run, error) {
	set := s.have()
	if set == nil {
		return nil, fmt.Errorf("model %s is not served here", cid)
	}
	session, err := set.Open(ctx, cid)
	if err != nil {
		return nil, err
	}
	return modelSession{session}, nil
}

// signOffer signs an offer. Where many addresses, cards and models together make it too long
// the last models are left out: a rig without an offer sells nothing.
func (n *Node) signOffer(o protocol.Offer) (signed protocol.SignedOffer, err error) {
	for {
		signed, err = protocol.SignOffer(o, n.key)
		var field *protocol.FieldError
		if !errors.As(err, &field) || field.Field != "offer" || len(o.Models) == 0 {
			return signed, err
		}
		last := len(o.Models) - 1
		n.log.Warn("the offer has no room for a model; give it a shorter name, or announce fewer addresses", "model", o.Models[last].Name, "limit", field.Limit)
		o.Models = o.Models[:last:last]
	}
}

// status lists the models for the miner.
func (s *served) status() []models.Status {
	if set := s.have(); set != nil {
		return set.Status()
	}
	return nil
}

// modelSession is a session as the provider needs it.
type modelSession struct{ *models.Session }

// Wait waits for the session's end, which is always somebody's wish.
func (s modelSession) Wait() provider.Outcome {
	return provider.Outcome{Units: s.Session.Wait(), Reason: protocol.ReasonStopped}
}

// modelEngine starts servers in sandboxes.
type modelEngine struct {
	engine *model.Engine
	dir    string
}

// Start loads a model in a sandbox of its own, which sees its weights and nothing else.
func (e modelEngine) Start(ctx context.Context, m models.Model) (models.Server, error) {
	in := filepath.Join(e.dir, m.CID)
	if err := resetModels(in); err != nil {
		return nil, err
	}
	if err := runner.LinkFile(m.Path, filepath.Join(in, protocol.ModelFile), 0o444); err != nil {
		return nil, fmt.Errorf("place the weights: %w", err)
	}
	s, err := e.engine.Serve(ctx, model.ServerSpec{Name: m.Name, Dir: in, MemoryBytes: m.MemoryBytes, CPUs: runtime.NumCPU(),
		AtOnce: modelsAtOnce, Queue: modelsQueue})
	if err != nil {
		return nil, err
	}
	return modelServer{s}, nil
}

// modelServer is a server as a set needs it.
type modelServer struct{ *model.Server }

// Ask sends a request.
func (s modelServer) Ask(ctx context.Context, r models.Request) (models.Answer, error) {
	a, err := s.Server.Ask(ctx, ask.Request{Method: r.Method, Path: r.Path, Owner: r.Owner, Body: r.Body})
	if err != nil { // a nil *Answer is no nil Answer
		return nil, err
	}
	return modelAnswer{a}, nil
}

// MemoryBytes is the most that the sandbox held.
func (s modelServer) MemoryBytes() uint64 { return s.Usage().PeakMemoryBytes }

// modelAnswer is an answer as a session needs it.
type modelAnswer struct{ *ask.Answer }

// Head waits until the answer begins.
func (a modelAnswer) Head() (status int, contentType string, err error) {
	h, err := a.Answer.Head()
	return h.Status, h.ContentType, err
}

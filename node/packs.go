package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/image"
	"github.com/rerig/rerig/node/models"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/pack"
	"github.com/rerig/rerig/protocol"
)

const (
	packContext = 4096        // tokens of a request where the miner does not say
	packFetch   = time.Minute // for peers to bring a pack's manifest
	packAgain   = 30 * time.Second
)

// packRefusedError is a pack that this rig does not run, however often it asks.
type packRefusedError struct{ error }

// Unwrap is the reason.
func (e packRefusedError) Unwrap() error { return e.error }

// checkPack reads a pack that one of the publishers signed, and that serves what a rig has.
func checkPack(file []byte, publishers []protocol.Address) (*protocol.EnginePack, error) {
	p, err := protocol.ReadPack(file)
	switch {
	case err != nil:
		return nil, packRefusedError{err}
	case !slices.Contains(publishers, p.Publisher):
		return nil, packRefusedError{fmt.Errorf("pack %s %s is published by %s, whom --pack-publisher does not name; name it if you trust it", p.Name, p.Release, p.Publisher)}
	case !slices.Contains(p.Formats, protocol.FormatGGUF):
		return nil, packRefusedError{fmt.Errorf("pack %s %s takes %s; rigs serve GGUF files", p.Name, p.Release, strings.Join(p.Formats, " and "))}
	}
	return p, nil
}

// readPackFile reads a pack of this machine's.
func readPackFile(path string) ([]byte, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("engine pack: %s is neither a CID nor a file", path)
	case err != nil:
		return nil, fmt.Errorf("engine pack: %w", err)
	case st.Size() > protocol.MaxPackBytes:
		return nil, fmt.Errorf("engine pack: %s has %d bytes, a pack at most %d", path, st.Size(), protocol.MaxPackBytes)
	}
	return os.ReadFile(path)
}

// findPack reads a pack by its CID from peers, or a file.
func (n *Node) findPack(ctx context.Context, from string) ([]byte, error) {
	if protocol.CheckCID("pack", from) != nil {
		return readPackFile(from)
	}
	ctx, cancel := context.WithTimeout(ctx, packFetch)
	defer cancel()
	path, err := n.artifacts.Fetch(ctx, from, protocol.MaxPackBytes, artifact.Sources{Find: true})
	if err != nil {
		return nil, fmt.Errorf("engine pack: %w", err)
	}
	return os.ReadFile(path)
}

// packs is the engine pack of a rig that serves with one.
type packs struct {
	n      *Node
	cfg    *RigConfig
	held   runner.Engine // of containers
	images *image.Store
	cards  func() *cards // nil where none are sold; it is known once the rig is made
	dir    string        // of the weights as servers see them
}

// open fetches and checks the pack and its image, as often as peers have not got them.
func (p *packs) open(ctx context.Context) (*packEngine, error) {
	for told := false; ; told = true {
		e, err := p.try(ctx)
		if err == nil || ctx.Err() != nil || errors.As(err, new(packRefusedError)) {
			return e, err
		}
		if !told {
			p.n.log.Warn("the engine pack is not here yet; no model is served until it is", "err", err)
		}
		wait := time.NewTimer(packAgain)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return nil, ctx.Err()
		}
	}
}

func (p *packs) try(ctx context.Context) (*packEngine, error) {
	file, err := p.n.findPack(ctx, p.cfg.EnginePack)
	if err != nil {
		return nil, err
	}
	manifest, err := checkPack(file, p.cfg.Publishers)
	if err != nil {
		return nil, err
	}
	root, err := p.image(ctx, manifest)
	if err != nil {
		return nil, fmt.Errorf("image of pack %s %s: %w", manifest.Name, manifest.Release, err)
	}
	p.n.log.Info("engine pack is here", "pack", manifest.Name, "release", manifest.Release, "publisher", manifest.Publisher, "server", manifest.Server)
	return &packEngine{packs: p, pack: manifest, root: root}, nil
}

// image fetches a pack's image from whoever has it, and unpacks it. It is offered to
// neighbours from then on.
func (p *packs) image(ctx context.Context, m *protocol.EnginePack) (*image.Root, error) {
	store := p.n.artifacts
	defer store.Pin(m.Image)()
	entries, err := store.FetchTree(ctx, m.Image, m.ImageSize, protocol.MaxImageFiles, artifact.Sources{Find: true})
	if err != nil {
		return nil, err
	}
	if err := store.Publish(m.Image); err != nil {
		return nil, err
	}
	files := make(image.Files, len(entries))
	for _, e := range entries {
		defer store.Pin(e.CID)()
		if path, ok := store.Path(e.CID); ok {
			files[e.Path] = path
		}
	}
	root, err := p.images.Unpack(ctx, files)
	if bad := new(image.BadImageError); errors.As(err, &bad) {
		return nil, packRefusedError{err}
	}
	return root, err
}

// packEngine loads models with a pack's server.
type packEngine struct {
	*packs
	pack *protocol.EnginePack
	root *image.Root // kept as long as the node runs
}

// Start loads a model in a sandbox of its own, which sees its weights and nothing else.
func (e *packEngine) Start(ctx context.Context, m models.Model) (models.Server, error) {
	in := filepath.Join(e.dir, m.CID)
	if err := resetModels(in); err != nil {
		return nil, err
	}
	if err := runner.LinkFile(m.Path, filepath.Join(in, protocol.ModelFile), 0o444); err != nil {
		return nil, fmt.Errorf("place the weights: %w", err)
	}
	l, err := e.card(ctx, m)
	if err != nil {
		return nil, err
	}
	program := e.root.Program
	job := runner.Spec{Root: e.root.Path, WorkDir: program.WorkDir, UID: program.UID, GID: program.GID, Env: program.Environ(nil),
		InDir: in, CPUs: runtime.NumCPU(), MemoryBytes: m.MemoryBytes}
	if l != nil {
		job.Devices, job.Env = l.devices, withDriver(job.Env, l.devices.Env)
	}
	s, err := pack.Serve(ctx, e.held, pack.Spec{Pack: e.pack, Job: job, Entry: program.Entrypoint, Weights: path.Join("/in", protocol.ModelFile),
		Name: m.Name, Context: e.context(m.Name), Tick: m.Tick})
	if err != nil {
		if l != nil {
			err = errors.Join(err, l.back(ctx))
		}
		return nil, err // a nil *Server is no nil Server
	}
	if l == nil {
		return packServer{s}, nil
	}
	return e.carded(ctx, m, s, l), nil
}

// card borrows what the pack computes on: nil where that is the processor.
func (e *packEngine) card(ctx context.Context, m models.Model) (*loan, error) {
	c := e.cards()
	var all error
	for _, need := range e.pack.Needs {
		if need == protocol.NeedsCPU {
			if all != nil {
				e.n.log.Info("model has no card", "model", m.Name, "why", all)
			}
			return nil, nil
		}
		if c == nil {
			all = errors.Join(all, fmt.Errorf("pack %s needs %s, and this rig sells no card; see --gpu-price and --containers", e.pack.Name, need))
			continue
		}
		l, err := c.borrow(ctx, "model "+m.Name, uint32(m.MemoryBytes>>20), func(card *hardware.Card) string { return suitsPack(card, need, e.pack.MinDriver) })
		if err == nil {
			return l, nil
		}
		all = errors.Join(all, err)
	}
	return nil, all
}

// places is how many servers there can be at once: where each must have a card, as many as
// there are that would do; 0 is any.
func (e *packEngine) places(ctx context.Context) int {
	c := e.cards()
	if c == nil || slices.Contains(e.pack.Needs, protocol.NeedsCPU) {
		return 0
	}
	select {
	case <-c.looked:
	case <-ctx.Done():
	}
	n := 0
	for _, card := range c.src.Look(ctx).Cards {
		if c.passed(&card) && slices.ContainsFunc(e.pack.Needs, func(need string) bool { return suitsPack(&card, need, e.pack.MinDriver) == "" }) {
			n++
		}
	}
	return max(n, 1)
}

// carded is a server that has a card.
func (e *packEngine) carded(ctx context.Context, m models.Model, s *pack.Server, l *loan) models.Server {
	if told := l.measure(ctx); told && l.vram == 0 {
		e.n.log.Warn("the model's server took no memory of its card; it may compute on the processor", "model", m.Name, "card", l.card.Address)
	}
	c := &cardedServer{packServer: packServer{s}, loan: l, clean: make(chan struct{})}
	go func() { // ends with the server
		defer close(c.clean)
		<-s.Ended()
		if err := l.back(context.WithoutCancel(ctx)); err != nil {
			e.n.log.Warn("a model's card is not back yet", "model", m.Name, "err", err)
		}
	}()
	return c
}

// cardedServer is a server with a card: it is gone when the card is clean, or out of use.
type cardedServer struct {
	packServer
	loan  *loan
	clean chan struct{} // closed when the card was given back
}

// Ended is closed when the server is gone, and has no card any more.
func (c *cardedServer) Ended() <-chan struct{} { return c.clean }

// Stop ends the server and returns when its card is back.
func (c *cardedServer) Stop() {
	c.packServer.Stop()
	<-c.clean
}

// Card is the card's name, and what loading took of its memory.
func (c *cardedServer) Card() (name string, vramBytes uint64) { return c.loan.card.Name(), c.loan.vram }

// context is what the miner wants a model's to be.
func (e *packEngine) context(name string) int {
	i := slices.IndexFunc(e.cfg.Serve, func(m ServeConfig) bool { return m.Name == name })
	if i < 0 || e.cfg.Serve[i].Context == 0 {
		return packContext
	}
	return int(e.cfg.Serve[i].Context)
}

// packServer is a server as a set needs it.
type packServer struct{ *pack.Server }

// Ask sends a request.
func (s packServer) Ask(ctx context.Context, r models.Request) (models.Answer, error) {
	a, err := s.Server.Ask(ctx, r.Method, r.Path, r.Owner, r.Body)
	if err != nil { // a nil *Answer is no nil Answer
		return nil, err
	}
	return a, nil
}

// PackRequest asks the node to publish an engine pack: to keep its image, to sign it with the
// node's key, and to give both to whoever asks.
type PackRequest struct {
	Image string              `json:"image"` // path of the directory with its OCI layout
	Pack  protocol.EnginePack `json:"pack"`  // but for the publisher and the image
}

// PackReply is a pack that was read or published.
type PackReply struct {
	CID  string              `json:"cid"`
	Pack protocol.EnginePack `json:"pack"`
	File []byte              `json:"file"` // as it is signed
}

// PublishPack publishes an engine pack. It is kept while the node runs.
func (n *Node) PublishPack(ctx context.Context, req PackRequest) (*PackReply, error) {
	cid, size, err := n.artifacts.AddDir(ctx, req.Image, protocol.MaxImageBytes, protocol.MaxImageFiles)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	p := req.Pack
	p.Version, p.Publisher, p.Image, p.ImageSize = protocol.Version, n.key.Address(), cid, size
	file, err := protocol.SignPack(p, n.key)
	if err != nil {
		return nil, err
	}
	own, err := n.artifacts.AddBytes(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("keep the pack: %w", err)
	}
	for _, c := range []string{cid, own} {
		n.artifacts.Pin(c)
		if err := n.artifacts.Publish(c); err != nil {
			return nil, fmt.Errorf("publish the pack: %w", err)
		}
	}
	return &PackReply{CID: own, Pack: p, File: file}, nil
}

func (c *control) publishPack(r *http.Request) (any, error) {
	var req PackRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	return c.n.PublishPack(r.Context(), req)
}

// readPack reads a pack and checks that its publisher signed it, whoever that is.
func (c *control) readPack(r *http.Request) (any, error) {
	cid := r.PathValue("cid")
	if err := protocol.CheckCID("pack", cid); err != nil {
		return nil, err
	}
	file, err := c.n.findPack(r.Context(), cid)
	if err != nil {
		return nil, err
	}
	p, err := protocol.ReadPack(file)
	if err != nil {
		return nil, err
	}
	return &PackReply{CID: cid, Pack: *p, File: file}, nil
}

// Package artifact keeps and moves what jobs read and write: modules, inputs
// and outputs, named by CID (SPEC §3, §5.1, §10). Begin with New, then Run.
//
// Content is UnixFS (CIDv1, SHA2-256, raw leaves of 1 MiB) and travels over
// standard bitswap, so any IPFS node can fetch a public result. A leaf is never
// stored twice: a file lies on disk whole and its leaves are ranges of it.
//
// Layout of the directory:
//
//	files/<cid>    the bytes of one file, read-only
//	nodes/<cid>    one DAG node that is not file bytes
//	roots/<cid>    what is kept as a whole: its kind, size and whether it is public
//	partial/<cid>/ a fetch that has not ended; it goes on from there
//	tmp/           emptied by New
//
// Content is private until Publish. A private block is served to the peers its
// root was shared with; everybody else is told that it is not here.
package artifact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/bitswap/server"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

// Limits of this implementation; the wire's own are in protocol/limits.go.
const (
	leafBytes     = 1 << 20 // bytes of the leaves we make
	maxBlockBytes = 2 << 20 // bytes of a block we take or serve: bitswap's own limit
	maxNodes      = 1 << 20 // blocks in the index; the least used content goes beyond
	maxSharedWith = 256     // peers one root is shared with
	fetchWindow   = 16      // blocks one fetch asks of one peer at once
	maxInFlight   = 32      // blocks one fetch asks for, and so holds, at once
)

// DefaultStallAfter is how long a fetch waits for a peer that sends nothing.
const DefaultStallAfter = time.Minute

// Config is what a Store needs. Dir, Host and MaxBytes are required.
type Config struct {
	Dir        string        // owned by this store alone
	Host       host.Host     // stays the caller's to close
	MaxBytes   int64         // bytes on disk beyond which unpinned content is evicted
	StallAfter time.Duration // silence after which a peer is given up; 0: DefaultStallAfter
	Routing    Routing       // finds who has public content; nil: only named peers are asked
	Advertise  bool          // tell Routing of the public content here, so that neighbours fetch it here
	Logger     *slog.Logger  // nil: slog.Default
}

func (c *Config) validate() error {
	switch {
	case c.Dir == "":
		return errors.New("artifact: Dir: must name a directory")
	case c.Host == nil:
		return errors.New("artifact: Host: must be a libp2p host")
	case c.MaxBytes < maxBlockBytes:
		return fmt.Errorf("artifact: MaxBytes: at least %d, got %d", maxBlockBytes, c.MaxBytes)
	case c.Advertise && c.Routing == nil:
		return errors.New("artifact: Advertise: needs Routing")
	}
	if c.StallAfter <= 0 {
		c.StallAfter = DefaultStallAfter
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return nil
}

// Store keeps content and exchanges it. Everything but Run is safe for
// concurrent use; adding and local reads work without Run, fetching from a peer
// waits for it.
type Store struct {
	cfg   Config
	disk  disk
	index *index
	net   network.BitSwapNetwork
	wants *wants
	busy  keyLocks // one worker for each CID or destination
	added additions

	published chan struct{} // of one token: something became public

	started chan struct{} // closed by Run once bitswap answers
	ended   chan struct{} // closed by Run when it returns
	runOnce sync.Once
}

// New opens the directory, drops what is not whole and reads the index back.
// It fails if the directory cannot be written.
func New(cfg Config) (*Store, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Store{
		cfg:       cfg,
		disk:      disk{dir: cfg.Dir},
		index:     newIndex(cfg.MaxBytes),
		net:       bsnet.NewFromIpfsHost(cfg.Host),
		published: make(chan struct{}, 1),
		started:   make(chan struct{}),
		ended:     make(chan struct{}),
	}
	s.wants = newWants(s.net, cfg.StallAfter)
	s.index.drop = s.disk.remove
	s.index.free = func() (int64, bool) { return freeBytes(cfg.Dir) }
	if err := s.disk.prepare(); err != nil {
		return nil, fmt.Errorf("open artifact store: %w; choose a data directory that can be written", err)
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open artifact store: %w", err)
	}
	return s, nil
}

// Run serves and fetches over bitswap until ctx ends; it may be called once. It
// leaves the host open and writes the order of use back for the next start.
func (s *Store) Run(ctx context.Context) error {
	first := false
	s.runOnce.Do(func() { first = true })
	if !first {
		return errors.New("artifact: Run was called twice")
	}
	defer close(s.ended)
	engine := server.New(ctx, s.net, (*servedBlocks)(s),
		server.WithPeerBlockRequestFilter(s.index.mayRead),
		server.EngineBlockstoreWorkerCount(8),
		server.EngineTaskWorkerCount(4),
		server.TaskWorkerCount(4),
		server.MaxOutstandingBytesPerPeer(fetchWindow*leafBytes),
	)
	s.net.Start(&receiver{wants: s.wants, engine: engine})
	close(s.started)
	var work sync.WaitGroup
	if s.cfg.Advertise {
		work.Go(func() { s.advertise(ctx) })
	}

	<-ctx.Done()
	work.Wait()
	s.net.Stop()
	for _, id := range bsnetProtocols {
		s.cfg.Host.RemoveStreamHandler(id)
	}
	s.wants.close()
	engine.Close()
	s.disk.saveOrder(s.index.byUse())
	return nil
}

// Share lets a peer fetch every block of root until Unshare or the end of the
// process. It fails with ErrNotFound when root is not kept here.
func (s *Store) Share(root string, to peer.ID) error {
	c, err := parseCID(root)
	if err != nil {
		return err
	}
	return s.index.share(c, to)
}

// Unshare takes back one Share; blocks already under way still arrive.
func (s *Store) Unshare(root string, to peer.ID) {
	if c, err := parseCID(root); err == nil {
		s.index.unshare(c, to)
	}
}

// Publish lets everybody fetch root, also after a restart, and advertises it where the
// store does.
func (s *Store) Publish(root string) error {
	c, err := parseCID(root)
	if err != nil {
		return err
	}
	r, err := s.index.publish(c)
	if err != nil {
		return err
	}
	if err := s.disk.writeRoot(r, true); err != nil {
		return fmt.Errorf("publish %s: %w", root, err)
	}
	select {
	case s.published <- struct{}{}:
	default: // it is going to look as it is
	}
	return nil
}

// Pin keeps content from being evicted or removed until the returned function
// is called; calls nest. Pin before Fetch to be sure that what it returns stays.
func (s *Store) Pin(root string) (unpin func()) {
	c, err := parseCID(root)
	if err != nil {
		return func() {}
	}
	return s.index.pin(c)
}

// Has tells whether root is kept here whole.
func (s *Store) Has(root string) bool {
	_, ok := s.Size(root)
	return ok
}

// Size is the content of root in bytes: of the file, or of all files of a
// directory.
func (s *Store) Size(root string) (uint64, bool) {
	c, err := parseCID(root)
	if err != nil {
		return 0, false
	}
	r, ok := s.index.lookup(c)
	return r.size, ok
}

// Remove deletes root and the blocks no other root needs. Removing what is not
// here is no error; removing what a job has pinned is.
func (s *Store) Remove(root string) error {
	c, err := parseCID(root)
	if err != nil {
		return err
	}
	return s.index.remove(c)
}

// Path is the file of root, if it is kept here and is a file. The file belongs
// to the store: read it, link it read-only into a sandbox, never write it. The
// first use after a restart checks every byte.
func (s *Store) Path(root string) (string, bool) {
	c, err := parseCID(root)
	if err != nil {
		return "", false
	}
	return s.path(c)
}

// FileIn is where the store in a directory, which another process may have open, keeps a
// plain file.
func FileIn(dir, text string) (path string, ok bool) {
	c, err := parseCID(text)
	if err != nil {
		return "", false
	}
	path = disk{dir: dir}.path(fileName(c))
	st, err := os.Stat(path)
	return path, err == nil && st.Mode().IsRegular()
}

func parseCID(text string) (cid.Cid, error) {
	if err := protocol.CheckCID("cid", text); err != nil {
		return cid.Undef, err
	}
	c, err := cid.Decode(text)
	if err != nil {
		return cid.Undef, err
	}
	if t := c.Type(); t != cid.Raw && t != cid.DagProtobuf {
		return cid.Undef, &protocol.FieldError{Field: "cid", Limit: "a UnixFS file or directory (raw or dag-pb)", Got: text}
	}
	return c, nil
}

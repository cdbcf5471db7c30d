package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/rerig/rerig/protocol"
)

const (
	maxCached     = 256
	maxCacheBytes = 1 << 20
	cacheFile     = "peers.json"
)

// cached is one peer that was good not long ago.
type cached struct {
	ID    peer.ID   `json:"id"`
	Addrs []string  `json:"addrs"`
	Seen  time.Time `json:"seen"`
}

// peerCache is the list of recently good peers, on disk, so that a node finds its
// network again while every bootstrap peer is down. It is safe for concurrent use.
type peerCache struct {
	path string // empty keeps the list in memory only
	self peer.ID

	mu    sync.Mutex // guards the rest
	peers map[peer.ID]cached
	dirty bool
}

// openCache reads the list. A damaged file is only a cache lost: it is reported
// and replaced at the next write.
func openCache(dir string, self peer.ID, log *slog.Logger) (*peerCache, error) {
	c := &peerCache{self: self, peers: make(map[peer.ID]cached)}
	if dir == "" {
		return c, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("peer cache: %w; check the data directory", err)
	}
	c.path = filepath.Join(dir, cacheFile)
	if err := os.Remove(c.path + newSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a node killed while it wrote
		return nil, fmt.Errorf("peer cache: %w; check the data directory", err)
	}
	f, err := os.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("peer cache: %w; check the data directory", err)
	}
	defer f.Close()
	var list []cached
	if err := json.NewDecoder(io.LimitReader(f, maxCacheBytes)).Decode(&list); err != nil {
		log.Warn("peer cache is damaged, starting without", "file", c.path, "err", err)
		return c, nil
	}
	for _, p := range list {
		if p.ID.Validate() == nil && p.ID != self && len(c.peers) < maxCached {
			p.Addrs = p.Addrs[:min(len(p.Addrs), protocol.MaxAddrs)]
			c.peers[p.ID] = p
		}
	}
	return c, nil
}

// note remembers that a peer was reached at now. A peer without addresses cannot
// be dialled and is not kept.
func (c *peerCache) note(p peer.ID, addrs []ma.Multiaddr, now time.Time) {
	if p == c.self || len(addrs) == 0 {
		return
	}
	entry := cached{ID: p, Seen: now}
	for _, a := range addrs[:min(len(addrs), protocol.MaxAddrs)] {
		entry.Addrs = append(entry.Addrs, a.String())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.peers[p]; !known && len(c.peers) >= maxCached {
		oldest := p
		for id, e := range c.peers {
			if oldest == p || e.Seen.Before(c.peers[oldest].Seen) {
				oldest = id
			}
		}
		delete(c.peers, oldest)
	}
	c.peers[p] = entry
	c.dirty = true
}

// list is every cached peer, last seen first.
func (c *peerCache) list() []peer.AddrInfo {
	var out []peer.AddrInfo
	for _, e := range c.sorted() {
		info := peer.AddrInfo{ID: e.ID}
		for _, s := range e.Addrs {
			if a, err := ma.NewMultiaddr(s); err == nil {
				info.Addrs = append(info.Addrs, a)
			}
		}
		out = append(out, info)
	}
	return out
}

func (c *peerCache) sorted() []cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]cached, 0, len(c.peers))
	for _, e := range c.peers {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b cached) int { return b.Seen.Compare(a.Seen) })
	return out
}

// flush writes the list if it changed: to a new file that is synced, then renamed
// over the old one, so that a crash leaves one or the other.
func (c *peerCache) flush() error {
	c.mu.Lock()
	due := c.dirty && c.path != ""
	c.dirty = false
	c.mu.Unlock()
	if !due {
		return nil
	}
	b, err := json.Marshal(c.sorted())
	if err == nil {
		err = replaceFile(c.path, b)
	}
	if err != nil {
		return fmt.Errorf("write peer cache: %w", err)
	}
	return nil
}

// newSuffix is of the file that is to replace another: one node has the directory, so one
// name is enough, and a crash leaves no heap of them.
const newSuffix = ".new"

func replaceFile(path string, b []byte) error {
	f, err := os.OpenFile(path+newSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing left to remove
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

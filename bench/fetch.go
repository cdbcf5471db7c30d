package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libp2ppeer "github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/rerig/rerig/node/artifact"
)

const (
	fetchBytes = 64 << 20
	// linkRate is what each source may send, in bytes a second: 268 Mbit/s. Without it
	// four sources, the asker and their encryption share the machine's cores, and more
	// sources could only be slower.
	linkRate   = 32 << 20
	fetchRuns  = 3
	rawStream  = libp2pproto.ID("/rerig/bench/raw/1")
	linkBuffer = 256 << 10 // bytes a link passes on at once
)

// source has the file and a link of its own to the asker.
type source struct {
	host  host.Host
	store *artifact.Store
	addr  ma.Multiaddr // of the link; the host's own where there is none
}

// fetches measures a file of random bytes from 1, 2 and 4 peers against one raw libp2p
// stream between the same two hosts, over links of linkRate; and, with no link, what the
// machine itself allows. Each figure is the best of fetchRuns, as the machine is shared.
func fetches(ctx context.Context, res results) error {
	dir, err := os.MkdirTemp("", "rerig-bench-fetch-")
	if err != nil {
		return fmt.Errorf("make a directory for the stores: %w", err)
	}
	defer os.RemoveAll(dir)
	for _, shaped := range []bool{true, false} {
		if err := fetchField(ctx, filepath.Join(dir, fmt.Sprint(shaped)), shaped, fetchBytes, res); err != nil {
			return fmt.Errorf("measure fetches: %w", err)
		}
	}
	res["fetch_ratio_1_peer"] = res["fetch_1_peer_mb_s"] / res["fetch_raw_stream_mb_s"]
	res["fetch_gain_2_peers"] = res["fetch_2_peers_mb_s"] / res["fetch_1_peer_mb_s"]
	res["fetch_gain_4_peers"] = res["fetch_4_peers_mb_s"] / res["fetch_1_peer_mb_s"]
	res["fetch_ratio_1_peer_no_link"] = res["fetch_1_peer_no_link_mb_s"] / res["fetch_raw_stream_no_link_mb_s"]
	fmt.Fprintf(os.Stderr, "fetch  of %d MiB over links of %d MiB/s: %.3f of a raw stream, %.2f times from 4 peers; no link: %.3f of a raw stream\n",
		fetchBytes>>20, linkRate>>20, res["fetch_ratio_1_peer"], res["fetch_gain_4_peers"], res["fetch_ratio_1_peer_no_link"])
	return nil
}

// fetchField brings four sources and an asker up and measures them.
func fetchField(ctx context.Context, dir string, shaped bool, size int, res results) (err error) {
	ctx, stop := context.WithCancel(ctx)
	running, runCtx := errgroup.WithContext(ctx)
	var closers []io.Closer
	defer func() {
		stop()
		err = errors.Join(err, running.Wait())
		for _, c := range closers {
			err = errors.Join(err, c.Close())
		}
	}()
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	open := func(name string) (host.Host, *artifact.Store, error) {
		h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay(), libp2p.DisableMetrics())
		if err != nil {
			return nil, nil, err
		}
		closers = append(closers, h)
		s, err := artifact.New(artifact.Config{Dir: filepath.Join(dir, name), Host: h, MaxBytes: 1 << 30})
		if err == nil {
			running.Go(func() error { return s.Run(runCtx) })
		}
		return h, s, err
	}
	asks, store, err := open("asks")
	if err != nil {
		return err
	}
	var sources []source
	var root string
	for i := range 4 {
		h, s, err := open(fmt.Sprint("source", i))
		if err != nil {
			return err
		}
		if root, err = s.AddBytes(ctx, data); err != nil {
			return err
		}
		if err := s.Publish(root); err != nil {
			return err
		}
		src := source{host: h, store: s, addr: h.Addrs()[0]}
		if shaped {
			l, err := openLink(src.addr, linkRate)
			if err != nil {
				return err
			}
			closers = append([]io.Closer{l}, closers...)
			running.Go(func() error { return l.run(runCtx) })
			src.addr = l.addr
		}
		h.SetStreamHandler(rawStream, func(st network.Stream) {
			_, _ = st.Write(data) // the reader counts what came
			_ = st.Close()
		})
		if err := asks.Connect(ctx, libp2ppeer.AddrInfo{ID: h.ID(), Addrs: []ma.Multiaddr{src.addr}}); err != nil {
			return err
		}
		sources = append(sources, src)
	}
	suffix := "_no_link_mb_s"
	if shaped {
		suffix = "_mb_s"
	}
	return compareFetches(ctx, asks, store, sources, root, size, suffix, res)
}

// compareFetches times the raw stream and the fetches in turn, so that all meet the same
// load of the machine.
func compareFetches(ctx context.Context, asks host.Host, store *artifact.Store, sources []source, root string, size int, suffix string, res results) error {
	best := func(key string, f func() error) error {
		begin := time.Now()
		if err := f(); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		res[key+suffix] = max(res[key+suffix], float64(size)/1e6/time.Since(begin).Seconds())
		return nil
	}
	for range fetchRuns {
		err := best("fetch_raw_stream", func() error { return readRaw(ctx, asks, sources[0].host.ID(), size) })
		if err != nil {
			return err
		}
		for key, n := range map[string]int{"fetch_1_peer": 1, "fetch_2_peers": 2, "fetch_4_peers": 4} {
			var from artifact.Sources
			for _, s := range sources[:n] {
				from.Peers = append(from.Peers, s.host.ID())
			}
			if err := store.Remove(root); err != nil {
				return err
			}
			err := best(key, func() error { _, err := store.Fetch(ctx, root, uint64(size), from); return err })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// readRaw reads the file over one stream and keeps nothing of it.
func readRaw(ctx context.Context, h host.Host, from libp2ppeer.ID, size int) error {
	st, err := h.NewStream(ctx, from, rawStream)
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	n, err := io.Copy(io.Discard, st)
	if err == nil && n != int64(size) {
		err = fmt.Errorf("%d bytes came", n)
	}
	return err
}

// link forwards TCP connections to a host that may send so much a second over all.
type link struct {
	listener net.Listener
	target   string
	addr     ma.Multiaddr
	limit    *rate.Limiter

	mu    sync.Mutex // guards conns; owner: link
	conns []net.Conn // closed by run at its end
	wg    sync.WaitGroup
}

func openLink(to ma.Multiaddr, bytesPerSecond int) (*link, error) {
	port, err := to.ValueForProtocol(ma.P_TCP)
	if err != nil {
		return nil, err
	}
	l := &link{target: net.JoinHostPort("127.0.0.1", port), limit: rate.NewLimiter(rate.Limit(bytesPerSecond), linkBuffer)}
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	l.addr, err = ma.NewMultiaddr(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.listener.Addr().(*net.TCPAddr).Port))
	return l, err
}

// Close stops listening; it may be called after run.
func (l *link) Close() error {
	if err := l.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// run forwards until ctx ends.
func (l *link) run(ctx context.Context) error {
	defer l.wg.Wait()
	stop := context.AfterFunc(ctx, func() {
		_ = l.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, c := range l.conns {
			_ = c.Close()
		}
	})
	defer stop()
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return nil // it was closed
		}
		far, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, near, far)
		l.mu.Unlock()
		l.wg.Go(func() { l.pass(ctx, far, near, nil) })
		l.wg.Go(func() { l.pass(ctx, near, far, l.limit) })
	}
}

// pass copies one direction.
func (l *link) pass(ctx context.Context, to, from net.Conn, limit *rate.Limiter) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, linkBuffer)
	for {
		n, err := from.Read(buf)
		if limit != nil && n > 0 && limit.WaitN(ctx, n) != nil {
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

package discovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"

	"github.com/rerig/rerig/protocol"
)

// ask sends one request to one index node and reads its reply.
func (d *Discovery) ask(ctx context.Context, p peer.ID, req protocol.IndexRequest) (*protocol.IndexReply, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req.Version = protocol.Version
	b, err := protocol.Encode(req)
	if err != nil {
		return nil, err
	}
	s, err := d.cfg.Host.NewStream(network.WithAllowLimitedConn(ctx, "index"), p, d.proto)
	if err != nil {
		return nil, fmt.Errorf("ask index node %s: %w", p, err)
	}
	stop := context.AfterFunc(ctx, func() { s.Reset() })
	defer stop()
	reply, err := exchange(s, b)
	if err != nil {
		s.Reset()
		return nil, fmt.Errorf("ask index node %s: %w", p, err)
	}
	s.Close()
	return reply, nil
}

// exchange leaves its side open while it reads: the frame ends itself, and an index
// node that is quick may have closed the stream before this side could.
func exchange(s network.Stream, req []byte) (*protocol.IndexReply, error) {
	if err := s.SetDeadline(time.Now().Add(askTimeout)); err != nil {
		return nil, err
	}
	if err := protocol.WriteFrame(s, req, protocol.MaxIndexFrame); err != nil {
		return nil, err
	}
	b, err := protocol.ReadFrame(s, protocol.MaxIndexFrame)
	if err != nil {
		return nil, err
	}
	return protocol.DecodeIndexReply(b)
}

// failed notes that a peer did not answer and reports whether that is the peer's
// doing. One that merely does not speak the protocol, or that the caller stopped
// waiting for, is not blamed.
func (d *Discovery) failed(ctx context.Context, p peer.ID, err error) bool {
	if ctx.Err() != nil || unspoken(err) {
		return false
	}
	d.suspect(p)
	return true
}

func unspoken(err error) bool {
	var e multistream.ErrNotSupported[libp2pproto.ID]
	return errors.As(err, &e)
}

// near is the peers to start from: the nearest to the cell in the routing table
// and, on a network too small to fill it, every connected index node.
func (d *Discovery) near(c *cell) []peer.ID {
	h := d.cfg.Host
	list := d.cfg.Routing.RoutingTable().NearestPeers(c.target, replicas)
	if len(list) >= replicas {
		return list
	}
	for _, p := range h.Network().Peers() {
		if len(list) >= 2*replicas {
			break
		}
		if got, err := h.Peerstore().SupportsProtocols(p, d.proto); err == nil && len(got) > 0 && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

// pieceBytes is how many bytes of a connection are moved at a time.
const pieceBytes = 64 << 10

// Open connects the job to a port of the member with a rank; serve then moves the bytes of
// the job's connection, until both ways have ended.
func (m *Member) Open(ctx context.Context, rank int, port uint16) (serve func(Conn), err error) {
	ctx, cancel := context.WithTimeout(network.WithAllowLimitedConn(ctx, "rerig link"), openWait)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	raw, err := m.ask(ctx, rank, port)
	if err != nil {
		return nil, fmt.Errorf("reach port %d of member %d: %w", port, rank, err)
	}
	return func(c Conn) { m.splice(c, raw) }, nil
}

// ask opens a stream to another member's rig and has it connected to the port.
func (m *Member) ask(ctx context.Context, rank int, port uint16) (_ network.Stream, err error) {
	l, to := m.links, m.place.Members[rank]
	h, id := l.cfg.Host, m.peers[rank]
	if h.Network().Connectedness(id) != network.Connected {
		if err := h.Connect(ctx, peer.AddrInfo{ID: id, Addrs: l.usable(to.Addrs)}); err != nil {
			return nil, err
		}
	}
	raw, err := h.NewStream(ctx, id, ID(l.cfg.Network))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = raw.Reset() // it is given up
		}
	}()
	if err := raw.Scope().ReserveMemory(streamBytes, network.ReservationPriorityMedium); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Reset() })
	defer stop()
	o := &protocol.LinkOpen{Version: protocol.Version, From: m.place.Job, To: to.Job, Port: port}
	o.Proof = protocol.LinkProof(m.place.Key, h.ID().String(), id.String(), o)
	b, err := protocol.Encode(o)
	if err == nil {
		err = protocol.WriteFrame(raw, b, protocol.MaxDialFrame)
	}
	if err != nil {
		return nil, err
	}
	if b, err = protocol.ReadFrame(raw, protocol.MaxDialFrame); err != nil {
		return nil, err
	}
	answer, err := protocol.DecodeDialed(b)
	if err == nil && answer.Reason != protocol.ReasonNone {
		err = fmt.Errorf("%s: %s", answer.Reason, answer.Detail)
	}
	if err == nil && !stop() {
		err = ctx.Err()
	}
	return raw, err
}

// serve answers one stream of another rig's.
func (l *Links) serve(ctx context.Context, raw network.Stream) {
	if !l.begin(raw) {
		_ = raw.Reset() // over the cap: the peer sees a reset
		return
	}
	defer l.end(raw)
	m, conn, err := l.accept(ctx, raw)
	if err != nil {
		_ = raw.Reset() // nobody is told why: a stranger learns nothing
		l.cfg.Logger.Debug("link stream refused", "peer", raw.Conn().RemotePeer(), "err", err)
		return
	}
	if conn != nil {
		m.splice(conn, raw)
	}
}

// begin takes a place among the streams that are opening. A stranger has none.
func (l *Links) begin(raw network.Stream) bool {
	id := raw.Conn().RemotePeer()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.knows(id) || l.opening >= maxOpening || l.openings[id] >= maxOpeningPeer {
		return false
	}
	l.opening++
	l.openings[id]++
	l.streams[raw] = struct{}{}
	l.work.Add(1)
	return true
}

// opened gives the place back.
func (l *Links) opened(id peer.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opening--
	if l.openings[id]--; l.openings[id] == 0 {
		delete(l.openings, id)
	}
}

func (l *Links) end(raw network.Stream) {
	l.mu.Lock()
	delete(l.streams, raw)
	l.mu.Unlock()
	l.work.Done()
}

// accept holds a stream against the link that it names and connects it to the job. Where the
// job takes no connection the stream's other end is told, and the connection is nil. An
// error is for whoever has no right to be answered.
func (l *Links) accept(ctx context.Context, raw network.Stream) (_ *Member, _ Conn, err error) {
	m, rank, port, err := l.proved(raw)
	l.opened(raw.Conn().RemotePeer())
	if err != nil {
		return nil, nil, err
	}
	answer := protocol.Dialed{Version: protocol.Version}
	conn, err := m.connect(ctx, rank, port)
	if err != nil {
		answer.Reason, answer.Detail = protocol.ReasonUnreachable, protocol.ClipDetail(err.Error())
	}
	if err := l.answer(raw, &answer); err != nil {
		if conn != nil {
			_ = conn.Reset() // whoever asked is gone
		}
		return nil, nil, err
	}
	if conn == nil {
		_ = raw.Close() // it was told
	}
	return m, conn, nil
}

// proved reads what a stream is for, and whose it is.
func (l *Links) proved(raw network.Stream) (m *Member, rank int, port uint16, err error) {
	if err := raw.Scope().ReserveMemory(streamBytes, network.ReservationPriorityMedium); err != nil {
		return nil, 0, 0, err
	}
	if err := raw.SetDeadline(time.Now().Add(openWait)); err != nil {
		return nil, 0, 0, err
	}
	b, err := protocol.ReadFrame(raw, protocol.MaxDialFrame)
	if err != nil {
		return nil, 0, 0, err
	}
	o, err := protocol.DecodeLinkOpen(b)
	if err != nil {
		return nil, 0, 0, err
	}
	if err := raw.SetDeadline(time.Now().Add(2 * openWait)); err != nil { // the job has one of them
		return nil, 0, 0, err
	}
	m, rank, err = l.asked(raw.Conn().RemotePeer(), o)
	return m, rank, o.Port, err
}

func (l *Links) answer(raw network.Stream, a *protocol.Dialed) error {
	b, err := protocol.Encode(a)
	if err == nil {
		err = protocol.WriteFrame(raw, b, protocol.MaxDialFrame)
	}
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	return err
}

// asked finds the member whom a peer wants to reach, and the peer's own rank.
func (l *Links) asked(from peer.ID, o *protocol.LinkOpen) (*Member, int, error) {
	l.mu.Lock()
	m := l.members[o.To]
	l.mu.Unlock()
	if m == nil {
		return nil, 0, errors.New("no such job is in a link here")
	}
	for rank, member := range m.place.Members {
		if member.Job != o.From || rank == m.place.Rank {
			continue
		}
		if m.peers[rank] != from || !o.Proved(m.place.Key, from.String(), l.cfg.Host.ID().String()) {
			return nil, 0, errors.New("the peer has not proved that it is the member")
		}
		return m, rank, nil
	}
	return nil, 0, errors.New("the peer's job is not in the link")
}

// connect dials the job from another member's address.
func (m *Member) connect(ctx context.Context, rank int, port uint16) (Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	m.mu.Lock()
	dial := m.dial
	m.mu.Unlock()
	if dial == nil || m.ctx.Err() != nil {
		return nil, errors.New("the job is not running")
	}
	return dial(ctx, protocol.LinkAddr(rank).Addr(), port)
}

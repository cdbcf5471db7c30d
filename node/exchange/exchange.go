// Package exchange carries the job protocol of SPEC §5.2 over libp2p streams: one
// stream a job, length-limited frames, deadlines on every write, and caps on how
// many streams a peer may hold. It knows messages, not what they mean. Start at
// Dial for the requester and Server for the rig.
package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pprotocol "github.com/libp2p/go-libp2p/core/protocol"

	"github.com/rerig/rerig/protocol"
)

const (
	writeWait   = 20 * time.Second // a peer that reads nothing for so long is gone
	openWait    = 10 * time.Second // to open a stream on a connection
	streamBytes = 2 * protocol.MaxFrame
)

// ID is the protocol ID of job streams on a network.
func ID(networkName string) libp2pprotocol.ID {
	return libp2pprotocol.ID("/rerig/" + networkName + "/job/1")
}

// Stream is one job's stream of messages. Send may be called from several
// goroutines; Recv from one.
type Stream struct {
	raw   network.Stream
	key   protocol.PublicKey
	write sync.Mutex          // owner: Send; keeps frames whole
	done  func()              // gives the server's slot back; nil for a dialled stream
	turn  uint64              // in the order of arrival at the server; owner: Server
	kept  bool                // by Keep; owner: Server
	watch bool                // by Watch; owner: Server
	note  func(func(*Stream)) // notes such at the server; nil for a dialled stream
	once  sync.Once
	ended atomic.Bool // Close was called: what is in flight must still arrive
}

func newStream(raw network.Stream, done func()) (*Stream, error) {
	s := &Stream{raw: raw, done: done}
	pub, err := raw.Conn().RemotePeer().ExtractPublicKey()
	if err != nil {
		return nil, fmt.Errorf("peer %s: key in its ID: %w", raw.Conn().RemotePeer(), err)
	}
	b, err := pub.Raw()
	if err != nil || len(b) != len(s.key) {
		return nil, fmt.Errorf("peer %s: not a secp256k1 identity (SPEC §2.1)", raw.Conn().RemotePeer())
	}
	copy(s.key[:], b)
	return s, nil
}

// Dial opens a job stream to a connected or known peer.
func Dial(ctx context.Context, h host.Host, networkName string, p peer.ID) (*Stream, error) {
	ctx, cancel := context.WithTimeout(network.WithAllowLimitedConn(ctx, "rerig job"), openWait)
	defer cancel()
	raw, err := h.NewStream(ctx, p, ID(networkName))
	if err != nil {
		return nil, fmt.Errorf("open job stream to %s: %w", p, err)
	}
	s, err := newStream(raw, nil)
	if err != nil {
		_ = raw.Reset()
		return nil, err
	}
	return s, nil
}

// Peer is the other side's peer ID.
func (s *Stream) Peer() string { return s.raw.Conn().RemotePeer().String() }

// Key is the other side's public key, proved by the connection's handshake.
func (s *Stream) Key() protocol.PublicKey { return s.key }

// Send writes messages together; a peer that does not read for 20 s makes it fail.
func (s *Stream) Send(ms ...protocol.Message) error {
	var frames bytes.Buffer
	for _, m := range ms {
		b, err := protocol.EncodeMessage(m)
		if err == nil {
			err = protocol.WriteFrame(&frames, b, protocol.MaxFrame)
		}
		if err != nil {
			return fmt.Errorf("encode %T: %w", m, err)
		}
	}
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.raw.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return fmt.Errorf("send %T: %w", ms[0], err)
	}
	if _, err := s.raw.Write(frames.Bytes()); err != nil {
		return fmt.Errorf("send %T: %w", ms[0], err)
	}
	return nil
}

// Recv reads one message. io.EOF is a clean end. An error over the message's
// content is a *BadMessage: the peer's fault.
func (s *Stream) Recv() (protocol.Message, error) {
	b, err := protocol.ReadFrame(s.raw, protocol.MaxFrame)
	if err != nil {
		var fe *protocol.FieldError
		if errors.As(err, &fe) {
			return nil, &BadMessage{err}
		}
		return nil, err
	}
	m, err := protocol.DecodeMessage(b)
	if err != nil {
		return nil, &BadMessage{err}
	}
	return m, nil
}

// RecvBefore is Recv with a deadline for the first answers of an exchange.
func (s *Stream) RecvBefore(t time.Time) (protocol.Message, error) {
	if err := s.raw.SetReadDeadline(t); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	m, err := s.Recv()
	if err != nil {
		return nil, err
	}
	if err := s.raw.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	return m, nil
}

// Keep says that a job depends on the stream: a server that is full gives up others for
// a newcomer.
func (s *Stream) Keep() {
	if s.note != nil {
		s.note(func(s *Stream) { s.kept = true })
	}
}

// Watch says whether the peer's end would go unnoticed: it has nothing to send for a
// while, and may vanish. Server.Watched tells whoever can find out.
func (s *Stream) Watch(on bool) {
	if s.note != nil {
		s.note(func(s *Stream) { s.watch = on })
	}
}

// Close ends our sending side and lets the peer read what was sent.
func (s *Stream) Close() error {
	s.ended.Store(true)
	err := s.raw.Close()
	s.release()
	return err
}

// Reset tears the stream down; a Recv under way fails. After Close it does
// nothing, so that the last message still arrives.
func (s *Stream) Reset() {
	if !s.ended.Swap(true) {
		_ = s.raw.Reset() // the stream is given up; there is nobody to tell
	}
	s.release()
}

func (s *Stream) release() {
	s.once.Do(func() {
		if s.done != nil {
			s.done()
		}
	})
}

// BadMessage wraps what was wrong with a message the peer sent.
type BadMessage struct{ Err error }

// Error is the wrapped error's text.
func (e *BadMessage) Error() string { return "bad message: " + e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *BadMessage) Unwrap() error { return e.Err }

// Reason is the code to answer with.
func (e *BadMessage) Reason() protocol.Reason {
	var crit *protocol.CriticalExtensionError
	var fe *protocol.FieldError
	if errors.As(e.Err, &crit) || errors.As(e.Err, &fe) && fe.Field == "message.version" {
		return protocol.ReasonVersion
	}
	return protocol.ReasonMalformed
}

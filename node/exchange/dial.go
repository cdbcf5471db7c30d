package exchange

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
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
	dialWait = 20 * time.Second // for a rig's answer to a Dial; it tries for half of it
	lingers  = 5 * time.Second  // a closed connection waits so long for the other side to close too
)

// DialID is the protocol ID of connections into services on a network.
func DialID(networkName string) libp2pprotocol.ID {
	return libp2pprotocol.ID("/rerig/" + networkName + "/dial/1")
}

// RefusedDialError is a rig's no to a Dial.
type RefusedDialError struct {
	Reason protocol.Reason
	Detail string
}

// Error is the rig's reason and text.
func (e *RefusedDialError) Error() string {
	if e.Detail == "" {
		return "the rig refused: " + string(e.Reason)
	}
	return "the rig refused: " + string(e.Reason) + ": " + e.Detail
}

// DialPort connects to a TCP port inside a service that runs on a rig for this host
// (SPEC §5.7). The connection closes for writing alone with CloseWrite. A rig's no is a
// *RefusedDialError.
func DialPort(ctx context.Context, h host.Host, networkName string, rig peer.ID, job protocol.Hash, port uint16) (*PortConn, error) {
	ctx, cancel := context.WithTimeout(network.WithAllowLimitedConn(ctx, "rerig dial"), dialWait)
	defer cancel()
	raw, err := h.NewStream(ctx, rig, DialID(networkName))
	if err != nil {
		return nil, fmt.Errorf("open a stream to %s: %w", rig, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Reset() }) // the exchange below ends with it
	defer stop()
	c := &PortConn{raw: raw, port: port}
	err = c.ask(&protocol.Dial{Version: protocol.Version, Job: job, Port: port})
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		c.Abort()
		return nil, fmt.Errorf("dial port %d of job %s: %w", port, job.Short(), err)
	}
	return c, nil
}

// ask sends the Dial and reads the answer.
func (c *PortConn) ask(d *protocol.Dial) error {
	if err := c.raw.SetDeadline(time.Now().Add(dialWait)); err != nil {
		return err
	}
	b, err := protocol.Encode(d)
	if err != nil {
		return err
	}
	if err := protocol.WriteFrame(c.raw, b, protocol.MaxDialFrame); err != nil {
		return err
	}
	if b, err = protocol.ReadFrame(c.raw, protocol.MaxDialFrame); err != nil {
		return err
	}
	answer, err := protocol.DecodeDialed(b)
	if err != nil {
		return err
	}
	if answer.Reason != protocol.ReasonNone {
		return &RefusedDialError{answer.Reason, answer.Detail}
	}
	return nil
}

// PortConn is a connection into a service: a net.Conn over a stream.
type PortConn struct {
	raw     network.Stream
	port    uint16
	reading sync.Mutex  // held while raw is read
	ended   atomic.Bool // the other side has closed for writing, or broke
	closed  atomic.Bool
	waited  bool // owner: DialServer
}

// Read reads what the other side sent; io.EOF is its clean end.
func (c *PortConn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	n, err := c.raw.Read(b)
	if err != nil && c.closed.Load() {
		return n, net.ErrClosed
	}
	return n, c.end(err)
}

// end notes what ends a connection, and gives a deadline the name that net.Conn has for it.
func (c *PortConn) end(err error) error {
	var timeout net.Error
	switch {
	case err == nil:
	case errors.As(err, &timeout) && timeout.Timeout():
		return os.ErrDeadlineExceeded
	default:
		c.ended.Store(true)
	}
	return err
}

// Write sends; it waits where the other side does not read.
func (c *PortConn) Write(b []byte) (int, error) {
	n, err := c.raw.Write(b)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// CloseWrite lets the other side read to the end.
func (c *PortConn) CloseWrite() error { return c.raw.CloseWrite() }

// Close closes both ways. What was written still arrives, as over TCP: a muxer that is
// told to forget the stream would neither deliver it nor tell the other side to stop.
func (c *PortConn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	if c.ended.Load() {
		return c.raw.Close()
	}
	err := c.raw.CloseWrite()
	_ = c.raw.SetReadDeadline(time.Now()) // ends a Read under way
	go func() {                           // ends within the time it lingers
		c.reading.Lock()
		defer c.reading.Unlock()
		_ = c.raw.SetReadDeadline(time.Now().Add(lingers))
		if n, err := c.raw.Read(make([]byte, 1)); n == 0 && c.end(err) != nil && c.ended.Load() {
			_ = c.raw.Close() // the other side is done too
			return
		}
		_ = c.raw.Reset() // there is nobody to take what it sends
	}()
	return err
}

// Abort breaks the connection: the other side sees an error and no end.
func (c *PortConn) Abort() {
	c.closed.Store(true)
	_ = c.raw.Reset() // there is nobody to tell
}

// LocalAddr is this host's peer ID.
func (c *PortConn) LocalAddr() net.Addr { return portAddr(c.raw.Conn().LocalPeer().String()) }

// RemoteAddr is the other side's peer ID and the port.
func (c *PortConn) RemoteAddr() net.Addr {
	return portAddr(net.JoinHostPort(c.raw.Conn().RemotePeer().String(), strconv.Itoa(int(c.port))))
}

// SetDeadline is for reading and writing.
func (c *PortConn) SetDeadline(t time.Time) error { return c.raw.SetDeadline(t) }

// SetReadDeadline makes a Read fail with os.ErrDeadlineExceeded from then on.
func (c *PortConn) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline makes a Write fail with os.ErrDeadlineExceeded from then on.
func (c *PortConn) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }

// portAddr is an end of a PortConn.
type portAddr string

// Network is "rerig".
func (portAddr) Network() string { return "rerig" }

// String is the address.
func (a portAddr) String() string { return string(a) }

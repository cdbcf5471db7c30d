//go:build linux && !nogvisor

package wire

import (
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// maxPiece is how many bytes are moved at a time.
const maxPiece = 64 << 10

// lingerTime is how long a connection that was closed may take to send what is left.
const lingerTime = 30 * time.Second

// conn is a connection of the job's, held to the wire's rate. It has a place among the wire's.
type conn struct {
	*gonet.TCPConn
	end   tcpip.Endpoint
	queue *waiter.Queue
	wire  *Wire
	heard sync.Once // of CloseRead
	once  sync.Once // of Close
}

// connected makes an endpoint that is open a connection of the wire's.
func (w *Wire) connected(queue *waiter.Queue, end tcpip.Endpoint) *conn {
	w.mu.Lock()
	w.sending++
	w.mu.Unlock()
	return &conn{TCPConn: gonet.NewTCPConn(queue, end), end: end, queue: queue, wire: w}
}

// Read reads what the job sent.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p[:min(len(p), maxPiece)])
	if wait := c.pass(c.wire.in, n); wait != nil {
		return n, wait
	}
	return n, err
}

// Write sends to the job.
func (c *conn) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), maxPiece)]
		if err := c.pass(c.wire.out, len(piece)); err != nil {
			return n, err
		}
		var m int
		m, err = c.TCPConn.Write(piece)
		n, p = n+m, p[m:]
	}
	return n, err
}

// pass waits until bytes may pass.
func (c *conn) pass(l *rate.Limiter, n int) error { return l.WaitN(c.wire.ctx, n) }

// CloseRead lets Drain go on.
func (c *conn) CloseRead() error {
	c.heard.Do(c.wire.passedOn)
	return nil
}

// Reset ends the connection at once.
func (c *conn) Reset() error {
	c.end.Abort()
	return c.Close()
}

// Close ends the connection when what was written has been sent, or lingerTime is over. It
// does not wait for that; the connection counts as open until then.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		c.heard.Do(c.wire.passedOn)
		ended, hup := waiter.NewChannelEntry(waiter.EventHUp)
		c.queue.EventRegister(&ended)
		err = c.TCPConn.Close()
		go func() { // ends with the connection, within lingerTime
			late := time.NewTimer(lingerTime)
			defer late.Stop()
			if !c.over() {
				select {
				case <-hup:
				case <-late.C:
				case <-c.wire.ctx.Done():
				}
			}
			c.end.Abort()
			c.queue.EventUnregister(&ended)
			c.wire.end()
		}()
	})
	return err
}

// over tells whether the other side has nothing more to say or hear.
func (c *conn) over() bool {
	switch tcp.EndpointState(c.end.State()) {
	case tcp.StateClose, tcp.StateError, tcp.StateTimeWait:
		return true
	}
	return false
}

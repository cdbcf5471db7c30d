package provider

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/rerig/rerig/protocol"
)

// Dial connects to a TCP port inside a running service for the peer whose job it is
// (SPEC §5.7). Every other peer gets the answer to a job that nobody knows. The
// connection is closed with the job; its owner closes it before. An error has a method
// Refusal, which is what the peer may be told.
func (p *Provider) Dial(ctx context.Context, job protocol.Hash, peer string, port uint16) (net.Conn, error) {
	p.mu.Lock()
	s := p.sessions[job]
	p.mu.Unlock()
	if s == nil || s.rec.Peer != peer { // its papers never change
		return nil, refuseService()
	}
	return s.dials.dial(ctx, port)
}

// refuseService says nothing of what jobs there are.
func refuseService() error {
	return refuse(protocol.ReasonUnreachable, "no service of yours runs here under this job")
}

// dials are the connections into one job. Until begin, and after end, there are none.
type dials struct {
	mu    sync.Mutex // guards what follows; owner: dials
	run   Run        // nil where nothing is to be reached
	taken int        // connections, with those being made
	open  map[*dialled]struct{}
	done  chan struct{} // closed by end
}

// begin lets connections in.
func (d *dials) begin(run Run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.run, d.open, d.done = run, map[*dialled]struct{}{}, make(chan struct{})
}

// end closes what is open and lets nothing in any more.
func (d *dials) end() {
	d.mu.Lock()
	if d.run != nil {
		close(d.done)
	}
	open := d.open
	d.run, d.open = nil, nil
	d.mu.Unlock()
	for c := range open {
		_ = c.Conn.Close() // the job is gone
	}
}

// take counts one in.
func (d *dials) take() (run Run, done <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.run == nil:
		return nil, nil, refuseService()
	case d.taken >= protocol.MaxDials:
		return nil, nil, refuse(protocol.ReasonBusy, "%d connections into the job are open; close one", d.taken)
	}
	d.taken++
	return d.run, d.done, nil
}

func (d *dials) give(c *dialled) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken--
	delete(d.open, c)
}

func (d *dials) dial(ctx context.Context, port uint16) (net.Conn, error) {
	run, done, err := d.take()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the function
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	conn, err := run.Dial(ctx, port)
	if err != nil {
		d.give(nil)
		return nil, refuse(protocol.ReasonUnreachable, "%v", err)
	}
	c := &dialled{Conn: conn, dials: d}
	d.mu.Lock()
	ended := d.run == nil
	if !ended {
		d.open[c] = struct{}{}
	}
	d.mu.Unlock()
	if ended {
		return nil, errors.Join(refuseService(), c.Close())
	}
	return c, nil
}

// dialled is one connection into a job, counted until it is closed.
type dialled struct {
	net.Conn
	dials *dials
	once  sync.Once
}

// Close closes the connection and makes room for another.
func (c *dialled) Close() error {
	c.once.Do(func() { c.dials.give(c) })
	return c.Conn.Close()
}

// CloseWrite tells the job that no more comes.
func (c *dialled) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("the engine's connections close both ways only")
	}
	return half.CloseWrite()
}

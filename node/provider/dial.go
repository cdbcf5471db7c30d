package provider

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Dial connects to a TCP port inside a running service for the peer whose job it is
// (SPEC §5.7). Every other peer gets the answer to a job that nobody knows. Its caller
// closes the connection, soon after over is closed at the latest: the job has ended then,
// and what it said last can still be read. An error has a method Refusal, which is what
// the peer may be told.
func (p *Provider) Dial(ctx context.Context, job protocol.Hash, peer string, port uint16) (conn net.Conn, over <-chan struct{}, err error) {
	p.mu.Lock()
	s := p.sessions[job]
	p.mu.Unlock()
	if s == nil || s.rec.Peer != peer { // its papers never change
		return nil, nil, refuseService()
	}
	return s.dials.dial(ctx, port)
}

// refuseService says nothing of what jobs there are.
func refuseService() error {
	return refuse(protocol.ReasonUnreachable, "no service of yours runs here under this job")
}

// beginWait is how long a connection waits for a job that is being started.
const beginWait = 10 * time.Second

// dials are the connections into one job. Until begin, and after end, none is made.
type dials struct {
	mu       sync.Mutex    // guards what follows; owner: dials
	expected chan struct{} // closed by begin or end; nil where neither is near
	run      Run           // nil where nothing is to be reached
	over     chan struct{} // closed by end
	taken    int           // connections, with those being made
}

// expect has connections wait for begin: who is told that the job runs may be here before it.
func (d *dials) expect() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.expected == nil {
		d.expected = make(chan struct{})
	}
}

// met ends the waiting; the caller holds mu.
func (d *dials) met() {
	if d.expected != nil {
		close(d.expected)
		d.expected = nil
	}
}

// await waits until the job that is expected has begun, or is not to.
func (d *dials) await(ctx context.Context) {
	d.mu.Lock()
	expected := d.expected
	d.mu.Unlock()
	if expected == nil {
		return
	}
	late := time.NewTimer(beginWait)
	defer late.Stop()
	select {
	case <-expected:
	case <-late.C:
	case <-ctx.Done():
	}
}

// begin lets connections in.
func (d *dials) begin(run Run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.run, d.over = run, make(chan struct{})
	d.met()
}

// end lets nothing in any more.
func (d *dials) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.met()
	if d.run != nil {
		close(d.over)
		d.run = nil
	}
}

// take counts one in.
func (d *dials) take() (run Run, over <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.run == nil:
		return nil, nil, refuseService()
	case d.taken >= protocol.MaxDials:
		return nil, nil, refuse(protocol.ReasonBusy, "%d connections into the job are open; close one", d.taken)
	}
	d.taken++
	return d.run, d.over, nil
}

func (d *dials) give() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken--
}

func (d *dials) dial(ctx context.Context, port uint16) (net.Conn, <-chan struct{}, error) {
	d.await(ctx)
	run, over, err := d.take()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the function
		select {
		case <-over:
			cancel()
		case <-ctx.Done():
		}
	}()
	conn, err := run.Dial(ctx, port)
	if err != nil {
		d.give()
		return nil, nil, refuse(protocol.ReasonUnreachable, "%v", err)
	}
	return &dialled{Conn: conn, dials: d}, over, nil
}

// dialled is one connection into a job, counted until it is closed.
type dialled struct {
	net.Conn
	dials *dials
	once  sync.Once
}

// Close closes the connection and makes room for another.
func (c *dialled) Close() error {
	c.once.Do(c.dials.give)
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

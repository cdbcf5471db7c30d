package node

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"sync"

	"github.com/rerig/rerig/node/link"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/tap"
	"github.com/rerig/rerig/node/wire"
	"github.com/rerig/rerig/protocol"
)

// joined is the network of a job in a private link: its sandbox's interface on one side, the
// other members on the other.
type joined struct {
	member *link.Member

	mu     sync.Mutex // guards what follows
	wire   *wire.Wire // nil until the sandbox is there
	closed bool
}

// Start runs a task in the engine that its spec names, and as a member of its link where it
// is in one.
func (s *sandbox) Start(ctx context.Context, t provider.Task, stdout, stderr io.Writer) (provider.Run, error) {
	if t.Link == nil {
		return s.start(ctx, t, nil, stdout, stderr)
	}
	m, err := s.links.Join(link.Place{Job: t.Link.Job, Key: t.Link.Key, Rank: t.Link.Rank, Members: t.Link.Members})
	if err != nil {
		return nil, err
	}
	j := &joined{member: m}
	run, err := s.start(ctx, t, &runner.Interface{Addr: m.Addr(), Attach: j.attach}, stdout, stderr)
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	return linked{run, j}, nil
}

// linked is a running job in a link.
type linked struct {
	provider.Run
	network *joined
}

// Wait ends the job's place in its link with the job.
func (l linked) Wait() provider.Outcome {
	o := l.Run.Wait()
	if err := l.network.close(); err != nil && o.Reason == protocol.ReasonNone {
		o.Reason, o.Detail = protocol.ReasonRigError, err.Error()
	}
	return o
}

// attach connects the sandbox with the other members.
func (j *joined) attach(far *os.File) error {
	routes := map[netip.Addr]wire.Route{}
	for addr, rank := range j.member.Peers() {
		routes[addr] = func(ctx context.Context, port uint16) (func(wire.Conn), error) {
			serve, err := j.member.Open(ctx, rank, port)
			if err != nil {
				return nil, err
			}
			return func(c wire.Conn) { serve(c) }, nil
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.wire != nil {
		return errors.Join(errors.New("attach a job to its link: it is attached, or has ended"), far.Close())
	}
	w, err := wire.Open(far, wire.Config{Addr: j.member.Addr(), MTU: tap.MTU, Routes: routes})
	if err != nil {
		return err
	}
	j.wire = w
	j.member.Attach(func(ctx context.Context, from netip.Addr, port uint16) (link.Conn, error) {
		return w.Dial(ctx, from, port)
	})
	return nil
}

// close ends every connection of the job and takes it out of its link.
func (j *joined) close() error {
	j.member.Close()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	if j.wire == nil {
		return nil
	}
	return j.wire.Close()
}

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/rerig/rerig/node/egress"
	"github.com/rerig/rerig/node/link"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/tap"
	"github.com/rerig/rerig/node/wire"
	"github.com/rerig/rerig/protocol"
)

// joined is the network of a job that has one: its sandbox's interface on one side, the other
// members of its private link and the proxy to the hosts that it may reach on the other.
type joined struct {
	addr   netip.Prefix
	member *link.Member  // nil in no link
	proxy  *egress.Proxy // nil without egress
	log    *slog.Logger

	mu     sync.Mutex // guards what follows
	wire   *wire.Wire // nil until the sandbox is there
	closed bool
}

// Start runs a task in the engine that its spec names, with the network that it is to have.
func (s *sandbox) Start(ctx context.Context, t provider.Task, stdout, stderr io.Writer) (provider.Run, error) {
	if t.Link == nil && len(t.Hosts) == 0 {
		return s.start(ctx, t, nil, stdout, stderr)
	}
	j := &joined{addr: protocol.LinkAddr(0), log: s.log.With("job", t.Job.Short())}
	if t.Link != nil {
		m, err := s.links.Join(link.Place{Job: t.Link.Job, Key: t.Link.Key, Rank: t.Link.Rank, Members: t.Link.Members})
		if err != nil {
			return nil, err
		}
		j.member, j.addr = m, m.Addr()
	}
	if len(t.Hosts) > 0 {
		j.proxy = egress.New(egress.Config{Hosts: t.Hosts, Logger: j.log})
	}
	job, err := s.start(ctx, t, &runner.Interface{Addr: j.addr, Attach: j.attach}, stdout, stderr)
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	return linked{job, j}, nil
}

// linked is a running job with a network.
type linked struct {
	run
	network *joined
}

// drainTime is how long what a job sent before it ended by itself is passed on.
const drainTime = 30 * time.Second

// Wait ends the job's network with the job. What the job sent is passed on before where it
// ended by itself, as a kernel does that outlives its processes.
func (l linked) Wait() provider.Outcome {
	o := l.run.Wait()
	if o.Reason == protocol.ReasonNone {
		if err := l.network.drain(); err != nil {
			l.network.log.Info("not all of what a job sent has arrived", "err", err)
		}
	}
	if err := l.network.close(); err != nil && o.Reason == protocol.ReasonNone {
		o.Reason, o.Detail = protocol.ReasonRigError, err.Error()
	}
	return o
}

// attach connects the sandbox.
func (j *joined) attach(far *os.File) error {
	routes := map[netip.Addr]wire.Route{}
	if j.member != nil {
		for addr, rank := range j.member.Peers() {
			routes[addr] = j.toMember(rank)
		}
	}
	if j.proxy != nil {
		routes[protocol.EgressProxy.Addr()] = j.toProxy
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return errors.Join(errors.New("attach a job to its network: it has ended"), far.Close())
	}
	if j.wire != nil { // to a sandbox that ended before the job began in it
		if err := j.wire.Close(); err != nil {
			return errors.Join(fmt.Errorf("attach a job to its network: %w", err), far.Close())
		}
		j.wire = nil
	}
	w, err := wire.Open(far, wire.Config{Addr: j.addr, MTU: tap.MTU, Routes: routes})
	if err != nil {
		return err
	}
	j.wire = w
	if j.member != nil {
		j.member.Attach(func(ctx context.Context, from netip.Addr, port uint16) (link.Conn, error) {
			return w.Dial(ctx, from, port)
		})
	}
	return nil
}

func (j *joined) toMember(rank int) wire.Route {
	return func(ctx context.Context, port uint16) (func(wire.Conn), error) {
		serve, err := j.member.Open(ctx, rank, port)
		if err != nil {
			return nil, err
		}
		return func(c wire.Conn) { serve(c) }, nil
	}
}

func (j *joined) toProxy(ctx context.Context, port uint16) (func(wire.Conn), error) {
	if port != protocol.EgressProxy.Port() {
		return nil, errors.New("nothing but the proxy is here")
	}
	return func(c wire.Conn) { j.proxy.Serve(ctx, c) }, nil
}

// drain passes on what the job sent, for drainTime.
func (j *joined) drain() error {
	j.mu.Lock()
	w := j.wire
	j.mu.Unlock()
	if w == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	return w.Drain(ctx)
}

// close ends every connection of the job and takes it out of its link.
func (j *joined) close() error {
	if j.member != nil {
		j.member.Close()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	if j.wire == nil {
		return nil
	}
	return j.wire.Close()
}

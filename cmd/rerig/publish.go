package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// asService gives a service the longest time unless the user named one.
func (r *runFlags) asService(cmd *cobra.Command) *runFlags {
	if len(r.ports) > 0 && !cmd.Flags().Changed("timeout") {
		r.timeout = protocol.MaxRunTime
	}
	return r
}

// published is a port of a service and where it is reached on this machine.
type published struct {
	listener net.Listener
	port     uint16 // inside
}

// publish opens the local ends of --publish, before anything is paid. Close each.
func publish(ctx context.Context, specs []string, p *progress) (list []published, err error) {
	defer func() {
		if err != nil {
			unpublish(list)
		}
	}()
	for _, s := range specs {
		at, port, err := parsePublish(s)
		if err != nil {
			return list, usage("--publish %s: %w; give [IP:][PORT:]PORT, such as 8080:80", s, err)
		}
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", at.String())
		if err != nil {
			return list, fmt.Errorf("--publish %s: %w; give another port, or none for any that is free", s, err)
		}
		if !at.Addr().IsLoopback() {
			p.warn("%s takes connections of other machines, and whoever reaches it uses the service that you pay for", l.Addr())
		}
		list = append(list, published{l, port})
	}
	return list, nil
}

func unpublish(list []published) {
	for _, pub := range list {
		_ = pub.listener.Close() // it may be closed already
	}
}

// parsePublish reads Docker's [[IP:][HOSTPORT]:]PORT[/tcp]. Without an IP it is this
// machine alone; without a host port any that is free.
func parsePublish(s string) (at netip.AddrPort, port uint16, err error) {
	text, proto, ok := strings.Cut(s, "/")
	if ok && proto != "tcp" {
		return at, 0, errors.New("only TCP is carried")
	}
	rest, last := "", text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		rest, last = text[:i], text[i+1:]
	}
	if port, err = portOf(last); err != nil || port == 0 {
		return at, 0, fmt.Errorf("the service's port is 1 to 65535, got %q", last)
	}
	ip, local := "127.0.0.1", rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		ip, local = rest[:i], rest[i+1:]
	}
	if strings.HasPrefix(ip, "[") && strings.HasSuffix(ip, "]") {
		ip = ip[1 : len(ip)-1]
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return at, 0, fmt.Errorf("%q is no IP address", ip)
	}
	host := uint16(0)
	if local != "" {
		if host, err = portOf(local); err != nil {
			return at, 0, fmt.Errorf("the local port is 0 to 65535, got %q", local)
		}
	}
	return netip.AddrPortFrom(addr, host), port, nil
}

func portOf(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

// forward leads connections to the service's ports while the run runs: until ctx ends. It
// says where when they can be used.
func (a *app) forward(ctx context.Context, s *session, id string, list []published, p *progress) error {
	up, over := errors.New("up"), errors.New("over")
	err := s.Follow(ctx, id, true, func(ev node.Event) error {
		switch {
		case ev.Status == nil:
		case ev.Status.Ended:
			return over
		case ev.Status.State == protocol.StateRunning:
			return up
		}
		return nil
	})
	if !errors.Is(err, up) { // whoever follows the run tells why
		return nil
	}
	var carry sync.WaitGroup
	errs := make([]error, len(list))
	told := &seldom{tell: func(err error) { p.warn("a connection led nowhere: %v", err) }}
	for i, pub := range list {
		p.line("%s leads to port %d of the service; Ctrl-C stops it", pub.listener.Addr(), pub.port)
		carry.Go(func() { errs[i] = s.Forward(ctx, pub.listener, id, pub.port, told.error) })
	}
	carry.Wait()
	return errors.Join(errs...)
}

// seldom tells of at most one error in a few seconds: a client that tries again and again
// would fill the screen.
type seldom struct {
	tell func(error)
	mu   sync.Mutex
	last time.Time
}

func (s *seldom) error(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.last) > 5*time.Second {
		s.last = now
		s.tell(err)
	}
}

// followService is follow of a run whose ports are published.
func (a *app) followService(ctx context.Context, s *session, st *node.RunStatus, list []published, p *progress) (*node.RunStatus, error) {
	if len(list) == 0 {
		return a.followOrLeave(ctx, s, st, p)
	}
	forwarding, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- a.forward(forwarding, s, st.ID.String(), list, p) }()
	last, err := a.follow(ctx, s, st, p) // nothing would lead to the ports of one that is left
	stop()
	if failed := <-done; failed != nil {
		p.warn("no more connections were taken: %v", failed)
	}
	return last, err
}

package client

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/protocol"
)

// Forward leads every connection that l takes to a port inside a running service, each to
// one of its own, as many at once as a rig serves. It closes l and returns when ctx ends,
// once the connections have ended, which it breaks off some seconds later. failed, which
// may be nil, is told why one led nowhere; it may be called from several goroutines.
func (c *Client) Forward(ctx context.Context, l net.Listener, runID string, port uint16, failed func(error)) error {
	ctx, cancel := context.WithCancel(ctx)
	var carried sync.WaitGroup
	defer carried.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	places := make(chan struct{}, protocol.MaxDials)
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		local, err := l.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = local.Close() // nothing came of it
			}
			return nil
		case errors.As(err, &passing) && passing.Temporary(): // too many open files, say
			<-places
			time.Sleep(acceptPause)
			continue
		case err != nil:
			return err
		}
		carried.Go(func() {
			defer func() { <-places }()
			remote, err := c.Dial(ctx, runID, port)
			if err != nil {
				refuse(local)
				if failed != nil && ctx.Err() == nil {
					failed(err)
				}
				return
			}
			exchange.Join(local, remote, ctx.Done())
		})
	}
}

// acceptPause is how long Forward waits when the machine has no room for a connection.
const acceptPause = 50 * time.Millisecond

// refuse closes a connection so that its other end does not take it for an empty answer.
func refuse(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close() // it is given up
}

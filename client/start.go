package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/rerig/rerig/node"
)

// ownNode is a node that lives and dies with its client.
type ownNode struct {
	cancel context.CancelFunc
	done   chan error // gets Run's result, once
}

func (o *ownNode) stop() error {
	o.cancel()
	return <-o.done
}

// Open connects to the node of cfg's data directory or, where none runs, starts
// one that ends with Close.
func Open(ctx context.Context, cfg node.Config) (*Client, error) {
	c, err := Connect(ctx, cfg.DataDir)
	if !errors.Is(err, ErrNoNode) {
		return c, err
	}
	n, err := node.New(cfg)
	if err != nil {
		return nil, err
	}
	return Start(ctx, n, cfg.DataDir)
}

// Start runs a node that node.New made and connects to it. The node outlives ctx:
// it ends with Close.
func Start(ctx context.Context, n *node.Node, dataDir string) (*Client, error) {
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	own := &ownNode{cancel: cancel, done: make(chan error, 1)}
	go func() { own.done <- n.Run(runCtx) }()
	select {
	case <-n.Started():
	case err := <-own.done:
		cancel()
		return nil, err
	}
	c, err := Connect(ctx, dataDir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reach the node just started: %w", err), own.stop())
	}
	c.own = own
	return c, nil
}

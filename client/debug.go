package client

import (
	"context"
	"net/http"

	"github.com/rerig/rerig/node"
)

// Stacks is what the goroutines of the node do.
func (c *Client) Stacks(ctx context.Context) (*node.Stacks, error) {
	return call[node.Stacks](ctx, c, http.MethodGet, "/v1/debug/stacks", nil)
}

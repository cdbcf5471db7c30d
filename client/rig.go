package client

import (
	"context"
	"net/http"

	"github.com/rerig/rerig/node"
)

// Rig is how the node's rig does: its cards, jobs, power and earnings now.
func (c *Client) Rig(ctx context.Context) (*node.RigStatus, error) {
	return call[node.RigStatus](ctx, c, http.MethodGet, "/v1/rig", nil)
}

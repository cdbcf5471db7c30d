package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/rerig/rerig/node"
)

// Why is what kept requests from the node's rig in the time before now, from a minute to
// four hours.
func (c *Client) Why(ctx context.Context, since time.Duration) (*node.WhyReport, error) {
	return call[node.WhyReport](ctx, c, http.MethodGet, "/v1/why?since="+url.QueryEscape(since.String()), nil)
}

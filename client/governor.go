package client

import (
	"context"
	"net/http"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/governor"
)

// Governor is what the node's governor knows of its cards and has decided.
func (c *Client) Governor(ctx context.Context) (*governor.Report, error) {
	return call[governor.Report](ctx, c, http.MethodGet, "/v1/governor", nil)
}

// SetPrice sets what an hour of a card is to cost until the node ends, in millionths of the
// token, or with auto has it follow the market. The floor holds all the same.
func (c *Client) SetPrice(ctx context.Context, perHour governor.Rate, auto bool) (*governor.Report, error) {
	return call[governor.Report](ctx, c, http.MethodPost, "/v1/governor/price", node.PriceRequest{PerHour: perHour, Auto: auto})
}

// PauseCard takes a card, "" for all, out of work, or back: a job under way goes on, no new
// one is taken, and the idle command stops.
func (c *Client) PauseCard(ctx context.Context, card string, on bool) (*governor.Report, error) {
	return call[governor.Report](ctx, c, http.MethodPost, "/v1/governor/pause", node.PauseRequest{Card: card, On: on})
}

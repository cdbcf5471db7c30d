package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/rerig/rerig/node"
)

// SubmitGroup asks the node to buy an array and returns when the node has it: it then goes on
// whatever becomes of the caller.
func (c *Client) SubmitGroup(ctx context.Context, r *node.GroupRequest) (*node.GroupStatus, error) {
	return call[node.GroupStatus](ctx, c, http.MethodPost, "/v1/groups", r)
}

// Groups lists the arrays and gangs that the node bought, newest first.
func (c *Client) Groups(ctx context.Context) ([]node.GroupStatus, error) {
	return list[node.GroupStatus](ctx, c, "/v1/groups")
}

// Group shows an array or a gang, by the hex prefix of its ID.
func (c *Client) Group(ctx context.Context, id string) (*node.GroupStatus, error) {
	return call[node.GroupStatus](ctx, c, http.MethodGet, "/v1/groups/"+url.PathEscape(id), nil)
}

// StopGroup asks for the end of an array or a gang: no more runs are begun and those under way
// are stopped; what was done by then is paid for.
func (c *Client) StopGroup(ctx context.Context, id string) (*node.GroupStatus, error) {
	return call[node.GroupStatus](ctx, c, http.MethodPost, "/v1/groups/"+url.PathEscape(id)+"/stop", nil)
}

// KeepGroup leaves an array to the node: if it ends before the array does, the next that stays
// goes on with what had not begun.
func (c *Client) KeepGroup(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodPost, "/v1/groups/"+url.PathEscape(id)+"/keep", nil)
	return err
}

// FollowGroup calls f with how a group stands, each member that has begun as it is, each change
// of one, and in the end how the group stands then. It returns when the group has ended, or
// cannot go on in this node, or with follow false when f was told what is there.
func (c *Client) FollowGroup(ctx context.Context, id string, follow bool, f func(node.GroupEvent) error) error {
	return stream(ctx, c, "group", "/v1/groups/", id, follow, f)
}

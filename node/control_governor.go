package node

import (
	"errors"
	"net/http"

	"github.com/rerig/rerig/node/governor"
)

// errUngoverned says that no governor runs, and how to have one.
var errUngoverned = errors.New("no governor minds this rig's cards; start it with `rerig up --kwh 0.15`, what a kilowatt-hour costs")

// PriceRequest sets what an hour of a card is to cost.
type PriceRequest struct {
	PerHour governor.Rate `json:"per_hour"` // millionths of the token
	Auto    bool          `json:"auto"`     // the market's median instead
}

// PauseRequest takes a card out of work, or back.
type PauseRequest struct {
	Card string `json:"card"` // its address; "" is all
	On   bool   `json:"on"`
}

// governor is the node's, or an error that says how to have one.
func (c *control) governor() (*governed, error) {
	if c.n.rig == nil || c.n.rig.governed == nil {
		return nil, &APIError{http.StatusNotFound, errUngoverned.Error()}
	}
	return c.n.rig.governed, nil
}

func (c *control) governed(r *http.Request) (any, error) {
	g, err := c.governor()
	if err != nil {
		return nil, err
	}
	report := g.report()
	report.Closed, report.ClosedJobs, err = c.n.closed(r.Context())
	return report, err
}

func (c *control) setPrice(r *http.Request) (any, error) {
	g, err := c.governor()
	if err != nil {
		return nil, err
	}
	var req PriceRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	if err := g.SetPrice(req.PerHour, req.Auto); err != nil {
		return nil, err
	}
	return g.report(), nil
}

func (c *control) pauseCard(r *http.Request) (any, error) {
	g, err := c.governor()
	if err != nil {
		return nil, err
	}
	var req PauseRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	if err := g.Pause(req.Card, req.On); err != nil {
		return nil, err
	}
	return g.report(), nil
}

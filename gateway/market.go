package gateway

import (
	"context"
	"errors"
	"net"

	"github.com/rerig/rerig/protocol"
)

// Offer is a model that a rig serves, at its price.
type Offer struct {
	Rig   protocol.Address
	Model protocol.Served
}

// key tells offers of one rig and model from all others.
func (o Offer) key() place { return place{o.Rig, o.Model.CID} }

// place is a model at a rig.
type place struct {
	rig protocol.Address
	cid string
}

// ErrBudget is returned by Market.Open where the money for the session is not there.
var ErrBudget = errors.New("there is not enough money for a session")

// ErrBusy is returned by Session.Dial where the rig has room for no more connections now.
var ErrBusy = errors.New("the rig is busy")

// Market is where the gateway finds rigs and hires them. Its methods may be called
// concurrently.
type Market interface {
	// Offers lists what is served within reach, and why other rigs cannot be used.
	Offers(ctx context.Context) (offers []Offer, skipped []string, err error)
	// Open makes an agreement with the offer's rig for at most a budget, in base units.
	Open(ctx context.Context, o Offer, budget protocol.Amount) (Session, error)
}

// Session is an agreement under way with a rig's model server. Its methods may be called
// concurrently.
type Session interface {
	// Job is the agreement's ID.
	Job() string
	// Dial connects to the model server.
	Dial(ctx context.Context) (net.Conn, error)
	// Delivered tells how many units have arrived in all: no more than these and a tick are
	// paid for. A later call may name fewer.
	Delivered(ctx context.Context, units uint64) error
	// Spent is what was promised to the rig so far, in base units.
	Spent() protocol.Amount
	// Done is closed when the session is over; Err then says why.
	Done() <-chan struct{}
	Err() error
	// Close asks for the end and waits for the bill, as long as ctx lets it.
	Close(ctx context.Context) error
}

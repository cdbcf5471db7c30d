// Package rigs is the gateway's market on the real network: it finds served models through a
// node and opens sessions with them, with nothing but package client.
package rigs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/gateway"
	"github.com/rerig/rerig/protocol"
)

// life is how long a session may run; the gateway leaves it before that.
const life = time.Hour

// Market finds and hires rigs through a node.
type Market struct{ Client *client.Client }

var _ gateway.Market = Market{}

// Offers lists the served models of all offers that the node finds.
func (m Market) Offers(ctx context.Context) (offers []gateway.Offer, skipped []string, err error) {
	found, err := m.Client.Market(ctx, protocol.Filter{Engine: protocol.EngineModel})
	if err != nil {
		return nil, nil, err
	}
	for _, o := range found.Offers {
		for _, served := range o.Models {
			offers = append(offers, gateway.Offer{Rig: o.Rig, Model: served})
		}
	}
	for _, s := range found.Skipped {
		skipped = append(skipped, fmt.Sprintf("%d rigs: %s: %s", s.Count, s.Reason, s.Detail))
	}
	return offers, skipped, nil
}

// Open orders a session.
func (m Market) Open(ctx context.Context, o gateway.Offer, budget protocol.Amount) (gateway.Session, error) {
	s, err := m.Client.OpenSession(ctx, client.SessionOrder{Name: "serve " + o.Model.Name, Model: o.Model.CID, Rig: o.Rig,
		Budget: budget, MaxPrice: o.Model.PerMillion, Life: life})
	if err != nil { // a nil *Session must not become a non-nil interface
		return nil, err
	}
	return session{s}, nil
}

// session tells the gateway of a busy rig in its own word.
type session struct{ *client.Session }

// Dial is the session's.
func (s session) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := s.Session.Dial(ctx)
	if errors.Is(err, client.ErrBusy) {
		return nil, fmt.Errorf("%w: %w", gateway.ErrBusy, err)
	}
	return conn, err
}

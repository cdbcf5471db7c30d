//go:build unix

package testnet_test

import (
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// TestCommandMeetsAnExpiredOffer: `rerig run` of the built binary does not hire by an
// offer whose time is over or that takes other money, spends nothing, and says so, as
// those commands do that only look.
func TestCommandMeetsAnExpiredOffer(t *testing.T) {
	t.Parallel()
	s := newScene(t, build(t))
	field := &field{Net: s.net}
	for _, change := range []func(*protocol.Offer){
		func(o *protocol.Offer) { o.Expires = o.Issued + 3000 },
		func(o *protocol.Offer) { o.Markets[0].Token = protocol.Address{9} },
	} {
		field.newCrookWith(t, change).will(func(*fraud) { t.Error("it was asked") })
	}
	s.until("one offer has expired and the other takes other money", func() (bool, error) {
		found, err := s.net.Bootstrap.Market(s.ctx, protocol.Filter{})
		return err == nil && len(found.Offers) == 0 && len(found.Skipped) == 2, err
	})
	bob := s.buyer("bob")
	c := s.run(bob, "--", "print", "x")
	c.exits(125)
	c.says("no rig fits", "1× offer_expired", "1× market")
	c = s.run(bob, "--dry-run")
	c.exits(125)
	c.says("no rig fits")
	c.shows("1 skipped: offer_expired", "1 skipped: market")
	c = s.start(bob, "market", "ls")
	c.exits(0)
	c.shows("1 skipped: offer_expired", "1 skipped: market")
}

// shows is says for standard output.
func (c *command) shows(words ...string) {
	c.s.t.Helper()
	for _, w := range words {
		if !strings.Contains(c.out.String(), w) {
			c.s.t.Errorf("%s of %s does not show %q:\n%s", c.what, c.member, w, c.out)
		}
	}
}

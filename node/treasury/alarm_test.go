package treasury

import (
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// TestAlarms holds which disagreements of journal and chain are alarms, what each
// stops, and when it ends (SPEC §8.5).
func TestAlarms(t *testing.T) {
	t.Parallel()
	amt := protocol.NewAmount
	in := side{role: protocol.RoleRig, state: protocol.ChannelState{Funded: amt(100), Claimed: amt(10), Epoch: 2}, granted: amt(30)}
	out := in
	out.role = protocol.RoleRequester
	state := func(funded, claimed uint64, epoch uint32) protocol.ChannelState {
		return protocol.ChannelState{Funded: amt(funded), Claimed: amt(claimed), Epoch: epoch}
	}
	for name, c := range map[string]struct {
		book  side
		chain protocol.ChannelState
		kind  string // "" is none
		end   protocol.ChannelState
	}{
		"the same":                       {in, state(100, 10, 2), "", state(100, 10, 2)},
		"collected":                      {in, state(100, 30, 2), "", state(100, 30, 2)},
		"topped up":                      {in, state(150, 10, 2), "", state(150, 10, 2)},
		"closed":                         {in, state(0, 0, 3), "", state(0, 0, 3)},
		"a collection taken back":        {in, state(100, 0, 2), "", state(100, 10, 2)},
		"claimed above the vouchers":     {in, state(100, 31, 2), AlarmClaimed, state(0, 0, 3)},
		"claimed above, taken back":      {in, state(100, 31, 2), AlarmClaimed, state(100, 30, 2)},
		"funded lower":                   {in, state(99, 10, 2), AlarmFunded, state(100, 10, 2)},
		"funded lower, more put in":      {in, state(0, 0, 2), AlarmFunded, state(200, 0, 2)},
		"funded lower, then closed":      {in, state(99, 10, 2), AlarmFunded, state(0, 0, 3)},
		"payer: the same":                {out, state(100, 30, 2), "", state(100, 30, 2)},
		"payer: claimed above promises":  {out, state(100, 31, 2), AlarmClaimed, state(50, 0, 3)},
		"payer: funding taken back":      {out, state(0, 0, 2), AlarmFunded, state(100, 0, 2)},
		"payer: a close that took it in": {out, state(0, 0, 3), "", state(0, 0, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a alarms
			id, other := protocol.Hash{1}, protocol.Hash{2}
			raised := a.check(id, c.book, c.chain)
			if c.kind == "" {
				if raised != nil || a.any() || a.selling(id) != nil || a.buying() != nil {
					t.Fatalf("raised %v", raised)
				}
				return
			}
			if raised == nil || raised.Kind != c.kind || !strings.Contains(raised.Error(), id.String()) {
				t.Fatalf("raised %v, want %s", raised, c.kind)
			}
			incoming := c.book.role == protocol.RoleRig
			if (a.selling(id) != nil) != incoming || (a.buying() != nil) == incoming ||
				(a.selling(other) != nil) != (incoming && c.kind == AlarmFunded) {
				t.Errorf("sells %v, sells through others %v, buys %v", a.selling(id), a.selling(other), a.buying())
			}
			// The book has taken the chain's word; the alarm stands all the same, once.
			c.book.state = c.chain
			if again := a.check(id, c.book, c.chain); again != nil || !a.any() {
				t.Errorf("at the next look: raised %v, stands %t", again, a.any())
			}
			if a.check(id, c.book, c.end); a.any() {
				t.Errorf("stands at %+v: %v", c.end, a.list())
			}
		})
	}
}

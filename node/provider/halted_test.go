package provider

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/rerig/rerig/protocol"
)

// A rig that is halted takes no job through the channel in question, and says so in
// its offer where that is every channel.
func TestHaltedRigTakesNoJob(t *testing.T) {
	for name, everything := range map[string]bool{"one channel": false, "all": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRig(t, &book{known: map[protocol.Hash]bool{}})
				n, q := negotiate(t, p, newKey(t))
				halted := q.Channel.ID()
				p.cfg.Halted = func(channel protocol.Hash) error {
					if everything || channel == halted {
						return errors.New("journal and chain disagree")
					}
					return nil
				}
				n.in <- n.accept(t, q)
				<-n.done
				var refusal *refusalError
				if !errors.As(n.err, &refusal) || refusal.reason != protocol.ReasonDraining || p.Active() != 0 {
					t.Errorf("through the halted channel: %v", n.err)
				}
				if free := p.Offer(protocol.Offer{}, false).FreeSlots; (free == 0) != everything {
					t.Errorf("%d slots are offered", free)
				}
				other, q := negotiate(t, p, newKey(t))
				other.in <- other.accept(t, q)
				<-other.done
				if taken := other.err == nil && other.session != nil; taken == everything {
					t.Errorf("through another channel: %v", other.err)
				}
			})
		})
	}
}

package requester

import (
	"fmt"
	"time"

	"github.com/rerig/rerig/protocol"
)

// deliveredWait is how long a receipt waits for the word that what it bills has come. The
// rig waits for its voucher longer (protocol.PaymentGrace).
const deliveredWait = 5 * time.Second

// Delivered says how many units of a session with a served model its user has had, or
// will pay for, since the session began (protocol.TokenUnits). Less than before changes
// nothing. A rig is paid up to one tick beyond it (SPEC §7.3).
func (r *Run) Delivered(units uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if units <= r.status.Delivered {
		return
	}
	r.status.Delivered = units
	close(r.told)
	r.told = make(chan struct{})
}

func (r *Run) delivered() (units uint64, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status.Delivered, r.told
}

// covered waits until what a receipt bills has come, as the user of the connection counts
// it: nil, or why it is not paid. Only a session with a served model is counted so.
func (s *session) covered(units uint64) protocol.Event {
	if !s.spec.OfServed() {
		return nil
	}
	over := time.NewTimer(deliveredWait)
	defer over.Stop()
	for {
		had, more := s.parent.delivered()
		if units <= had || units-had <= s.rec.Agreement.TickUnits { // its papers never change
			return nil
		}
		select {
		case <-more:
		case <-s.done:
			return nil
		case <-over.C:
			return protocol.Violation{Reason: protocol.ReasonBadReceipt,
				Detail: fmt.Sprintf("the rig bills %d %s and %d came; a tick is %d", units, s.rec.Agreement.Price.Unit, had, s.rec.Agreement.TickUnits)}
		}
	}
}

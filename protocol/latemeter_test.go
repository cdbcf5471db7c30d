package protocol

import "testing"

// A meter that is read late, on a busy machine, must not cost the rig ticks that
// the budget holds: each is receipted and paid before the budget ends the job.
func TestLateMeterBillsWholeTicks(t *testing.T) {
	a := exampleAgreement()
	a.Price.PerMillion = NewAmount(1_000_000)
	a.TickUnits, a.MaxTotal = 100, NewAmount(250)
	j, _ := NewJob(RoleRig, &a, exampleSpec(), epoch0)
	give := func(ev Event) (effects []Effect) {
		t.Helper()
		var err error
		if j, effects, err = j.Step(ev, epoch0); err != nil {
			t.Fatal(err)
		}
		return effects
	}
	give(FundingSeen{Available: a.MaxTotal})
	give(SlotFree{})
	give(Staged{})
	for _, paid := range []uint64{100, 200} {
		give(Measured{Units: 1000})
		if !j.Paused || j.Due != NewAmount(paid) {
			t.Fatalf("after a late reading: paused %v, due %s, want %d", j.Paused, j.Due, paid)
		}
		give(PaymentIn{Total: NewAmount(paid)})
	}
	effects := give(Measured{Units: 1000})
	if _, killed := effects[0].(Kill); !killed || j.Ending != ReasonBudget {
		t.Fatalf("no whole tick is left in the budget: %v, ending %q", effects, j.Ending)
	}
	give(Exited{Units: 1000, Reason: ReasonStopped})
	if j.Due != a.MaxTotal || j.Reason != ReasonBudget {
		t.Fatalf("bill %s, reason %s; want the whole budget of %s", j.Due, j.Reason, a.MaxTotal)
	}
}

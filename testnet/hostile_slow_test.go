package testnet_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// The tests of this file wait for timeouts of the protocol, all at the same time.

// TestRequesterStopsPaying holds what a requester gets for nothing: one tick
// (SPEC §6.3).
func TestRequesterStopsPaying(t *testing.T) {
	t.Parallel()
	f := newField(t, node.RigConfig{Slots: 2})
	for name, paid := range map[string]uint64{"from the first receipt on": 0, "after three": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := f.attacker(t, attackFunds)
			h := a.hire(t, "loop")
			for seq := range paid {
				if r := await[*protocol.ReceiptMsg](h.wire).Receipt; r.Units != (seq+1)*fieldTick {
					t.Errorf("receipt %d over %d units", r.Seq, r.Units)
				}
				h.pay(tickCost)
			}
			if r := await[*protocol.ReceiptMsg](h.wire).Receipt; r.Units != (paid+1)*fieldTick {
				t.Errorf("last receipt over %d units, want one tick more than was paid", r.Units)
			}
			h.ended(protocol.StateFailed, protocol.ReasonUnpaid)
			job := f.job(t, h.id)
			if job.Units != (paid+1)*fieldTick || job.Paid != protocol.NewAmount(paid*tickCost) || job.Reason != protocol.ReasonUnpaid {
				t.Errorf("the rig's journal says %s, %d units and %s paid", job.Reason, job.Units, job.Paid)
			}
			if got := f.held(t, a.ch.ID()); got != a.given {
				t.Errorf("the rig holds vouchers for %s, %s were given", got, a.given)
			}
		})
	}
	t.Run("then", func(t *testing.T) {
		t.Parallel()
		f.honest(t, f.buyer) // a paused job keeps its slot, and only its own
	})
}

// TestRequesterWithoutMoney holds that work begins only for money that is there, and
// that promises without it cost the rig no disk.
func TestRequesterWithoutMoney(t *testing.T) {
	t.Parallel()
	f := newField(t, node.RigConfig{Slots: 1})
	for name, c := range map[string]struct {
		funds  uint64
		epoch  uint32
		reason protocol.Reason
	}{
		"no channel":               {0, 0, protocol.ReasonUnderfunded},
		"gone before it is seen":   {0, 0, protocol.ReasonNone},
		"stopped before":           {0, 0, protocol.ReasonStopped},
		"less than the budget":     {jobBudget - 1, 0, protocol.ReasonUnderfunded},
		"a channel not closed yet": {attackFunds, 1, protocol.ReasonChannelClose},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := f.attacker(t, c.funds)
			a.epoch = c.epoch
			h := a.hire(t, "loop")
			switch c.reason {
			case protocol.ReasonNone:
				_ = h.Reset()
			case protocol.ReasonStopped:
				h.send(&protocol.Stop{Reason: protocol.ReasonStopped})
				h.ended(protocol.StateCancelled, c.reason)
			default:
				h.ended(protocol.StateRejected, c.reason)
			}
			within(t, "the rig is idle", 45*time.Second, func() (bool, error) {
				info, err := f.rig.Info(t.Context())
				return err == nil && info.Rig.Active == 0, err
			})
			if v, err := f.rig.Job(t.Context(), h.id.String()); err == nil {
				t.Errorf("the rig keeps the job: %s", v.Job.State)
			}
		})
	}
}

// TestRequesterThatDoesNotRead holds that a requester gets no work by not reading:
// its job is paused at the tick, and ended when nothing is read for too long.
func TestRequesterThatDoesNotRead(t *testing.T) {
	t.Parallel()
	f := newField(t, node.RigConfig{Slots: 1})
	module, err := filepath.Abs(filepath.Join("testdata", "stall.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	r := order(t)
	r.Module, r.Budget = module, protocol.NewAmount(2*tickCost) // the honest run puts the module into the rig's cache
	st, _ := buy(t, f.buyer, r)
	if st.Reason != protocol.ReasonBudget {
		t.Fatalf("ended with %s %s", st.Reason, st.Detail)
	}
	job, err := f.buyer.Job(t.Context(), st.Job.String())
	if err != nil {
		t.Fatal(err)
	}
	stall, guest := *job.Spec, f.spec
	stall.Sealed = 0
	for _, c := range []struct {
		what   string
		spec   protocol.JobSpec
		reason protocol.Reason
	}{
		// The meter is not held up by the output: the job is paused at its tick and
		// killed after the grace, long before the stream counts as broken.
		{"computes on", stall, protocol.ReasonUnpaid},
		{"writes on", guest, protocol.ReasonPeerLost},
	} {
		t.Run(c.what, func(t *testing.T) {
			f.spec = c.spec
			a := f.attacker(t, attackFunds)
			h := a.hire(t, "flood")
			job := f.job(t, h.id)
			if job.State != protocol.StateFailed || job.Reason != c.reason || job.Units > fieldTick || !job.Paid.IsZero() {
				t.Errorf("the rig's journal says %s %s, %d units", job.State, job.Reason, job.Units)
			}
			f.quiet(t)
			f.honest(t, f.buyer)
		})
	}
}

// TestRigGoesWithoutItsMoney holds that a requester that does not pay cannot keep a
// rig from shutting down.
func TestRigGoesWithoutItsMoney(t *testing.T) {
	t.Parallel()
	f := newField(t, node.RigConfig{Slots: 2})
	a := f.attacker(t, attackFunds)
	await[*protocol.Result](a.hire(t, "print", "x").wire) // and no voucher
	await[*protocol.ReceiptMsg](a.hire(t, "loop").wire)
	gone := make(chan error, 1)
	go func() { gone <- f.Remove(f.rig) }()
	select {
	case err := <-gone:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the rig still waits for vouchers a minute after it was asked to go")
	}
}

// TestSilentRig holds that a rig that falls silent is given up, and that one that
// never answers keeps nobody from hiring another.
func TestSilentRig(t *testing.T) {
	t.Parallel()
	for i, d := range map[string]deceit{
		"instead of a quote": {does: func(fr *fraud) { fr.hangUp() }},
		"while running":      misbehaving(protocol.ReasonSilent, func(fr *fraud) { fr.hangUp() }),
		"instead of settled": {ticks: 1, more: fieldPrice / 2 / 1_000_000, does: func(fr *fraud) {
			if fr.running() && fr.output("0000\n0001\n0002\n") && fr.tick() && fr.result(1, nil, fr.c.key) {
				fr.hangUp()
			}
		}},
	} {
		t.Run(i, func(t *testing.T) {
			t.Parallel()
			f := newField(t, node.RigConfig{Slots: 2})
			c := f.newCrook(t)
			buyer := f.add(t, "victim "+strings.ReplaceAll(i, " ", "-"), nil)
			if err := f.Ready(t.Context(), buyer, 2); err != nil {
				t.Fatal(err)
			}
			if i != "instead of settled" {
				f.defrauded(t, c, buyer, d)
				return
			}
			c.will(d.does)
			st, text := buy(t, buyer, order(t, "count", "3", "1"))
			if st.State != protocol.StateVerified || st.Reason != protocol.ReasonNoSettle || text != "0000\n0001\n0002\n" {
				t.Errorf("ended %s %s %q, output %q", st.State, st.Reason, st.Detail, text)
			}
			f.lost(t, c, buyer, d, st)
		})
	}
}

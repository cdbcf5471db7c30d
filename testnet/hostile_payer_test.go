package testnet_test

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/libp2p/go-libp2p/core/network"

	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/protocol"
)

// refusedVoucher sends a voucher and insists that the rig says no and does no work
// for it.
func (h *hired) refusedVoucher(name string, m *protocol.VoucherMsg) {
	h.t.Helper()
	h.send(m)
	for {
		got, err := h.recv()
		if err != nil {
			h.t.Fatalf("%s: %v", name, err)
		}
		switch got := got.(type) {
		case *protocol.Status:
			if got.Reason == protocol.ReasonBadVoucher {
				return
			}
		case *protocol.ReceiptMsg, *protocol.Result, *protocol.Settled:
			h.t.Fatalf("%s: the rig went on with %T", name, got)
		}
	}
}

var hostileVouchers = map[string]func(*testing.T, *attacker){
	"bad ones among good ones": func(t *testing.T, a *attacker) {
		first := a.hire(t, "loop") // so that the channel has paid more than the next job
		for range 3 {
			await[*protocol.ReceiptMsg](first.wire)
			first.pay(tickCost)
		}
		first.send(&protocol.Stop{})
		first.settle(await[*protocol.Result](first.wire))
		h := a.hire(t, "loop")
		if got := await[*protocol.ReceiptMsg](h.wire).Receipt; got.Units != fieldTick || got.Seq != 1 {
			t.Errorf("first receipt %+v", got)
		}
		h.pay(tickCost)
		await[*protocol.ReceiptMsg](h.wire)
		domain, other := a.f.Chain.Domain(), newHostileKey(t)
		for name, change := range map[string]func(*protocol.VoucherMsg, *protocol.Voucher){
			"another channel":   func(m *protocol.VoucherMsg, v *protocol.Voucher) { v.Channel[0] ^= 1 },
			"another epoch":     func(m *protocol.VoucherMsg, v *protocol.Voucher) { v.Epoch++ },
			"lower than before": func(m *protocol.VoucherMsg, v *protocol.Voucher) { m.JobPaid = protocol.NewAmount(tickCost - 1) },
			"uncovered":         func(m *protocol.VoucherMsg, v *protocol.Voucher) { v.Cumulative = a.given },
			"over the budget": func(m *protocol.VoucherMsg, v *protocol.Voucher) {
				m.JobPaid = protocol.NewAmount(jobBudget + 1)
				v.Cumulative = protocol.NewAmount(2 * jobBudget)
			},
			"over the funds": func(m *protocol.VoucherMsg, v *protocol.Voucher) {
				m.JobPaid = protocol.NewAmount(attackFunds + 1)
				v.Cumulative = protocol.NewAmount(attackFunds + 1)
			},
		} {
			m := h.voucher(tickCost)
			v := m.Voucher.Voucher
			change(m, &v)
			m.Voucher = h.signed(a.key, domain, v)
			h.refusedVoucher(name, m)
		}
		forged := h.voucher(tickCost)
		forged.Voucher = h.signed(other, domain, forged.Voucher.Voucher)
		h.refusedVoucher("another signer", forged)
		elsewhere := h.voucher(tickCost)
		domain.ChainID++
		elsewhere.Voucher = h.signed(a.key, domain, elsewhere.Voucher.Voucher)
		h.refusedVoucher("another chain", elsewhere)
		replay := h.voucher(0)
		h.send(replay) // pays nothing, so nothing comes of it
		h.refusedVoucher("after a replay", forged)
		h.pay(tickCost)
		if got := await[*protocol.ReceiptMsg](h.wire).Receipt; got.Seq != 3 || got.Units != 3*fieldTick {
			t.Errorf("third receipt %+v", got)
		}
		h.pay(tickCost)
		h.send(&protocol.Stop{})
		h.settle(await[*protocol.Result](h.wire))
		if job := a.f.job(t, h.id); job.Paid != h.paid || job.State != protocol.StateSettled || job.Reason != protocol.ReasonStopped {
			t.Errorf("the rig's journal says %s %s, paid %s of %s", job.State, job.Reason, job.Paid, h.paid)
		}
	},
	"before anything is due": func(t *testing.T, a *attacker) {
		h := a.hire(t, "loop")
		bad := h.voucher(tickCost)
		bad.Voucher.Signature[5] ^= 1
		h.refusedVoucher("at once", bad)
		await[*protocol.ReceiptMsg](h.wire)
		h.pay(tickCost)
		await[*protocol.ReceiptMsg](h.wire)
		_ = h.Reset()
	},
	"more than the channel holds": func(t *testing.T, a *attacker) {
		h := a.hire(t, "print", "x")
		r := await[*protocol.Result](h.wire)
		m := h.voucher(r.Receipt.Units * fieldPrice / 1_000_000)
		m.Voucher = h.signed(a.key, a.f.Chain.Domain(), protocol.Voucher{Channel: a.ch.ID(), Epoch: a.epoch, Cumulative: protocol.NewAmount(1 << 60)})
		h.send(m)
		await[*protocol.Settled](h.wire)
		a.given = protocol.NewAmount(1 << 60)
		w, err := a.f.rig.Wallet(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !w.Owed.Less(protocol.NewAmount(1 << 60)) {
			t.Errorf("the rig believes it is owed %s, which no channel holds", w.Owed)
		}
	},
}

// phases bring a job to where a requester may leave. The rig has one slot.
var phases = map[string]func(*testing.T, *attacker) *hired{
	"queued": func(t *testing.T, a *attacker) *hired {
		first := a.f.attacker(t, attackFunds).hire(t, "loop")
		await[*protocol.ReceiptMsg](first.wire)
		t.Cleanup(func() { _ = first.Reset() })
		h := a.hire(t, "loop")
		h.reached(protocol.StateQueued)
		return h
	},
	"staging": func(t *testing.T, a *attacker) *hired {
		// Asked for the module it says nothing, so the rig waits.
		a.host.SetStreamHandler(bsnet.ProtocolBitswap, func(s network.Stream) { _, _ = io.Copy(io.Discard, s) })
		w, r, spec := a.dial(t), a.request(t), a.f.spec
		spec.Module = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy" // nobody has it
		r.Spec = encodeSpec(t, &spec)
		q := w.quote(r)
		w.send(a.accept(t, q))
		h := &hired{wire: w, a: a, id: q.Agreement.ID()}
		h.reached(protocol.StateStaging)
		return h
	},
	"running": func(t *testing.T, a *attacker) *hired {
		h := a.hire(t, "loop")
		h.reached(protocol.StateRunning)
		return h
	},
	"paused": func(t *testing.T, a *attacker) *hired {
		h := a.hire(t, "loop")
		await[*protocol.ReceiptMsg](h.wire)
		return h
	},
	"finished": func(t *testing.T, a *attacker) *hired {
		h := a.hire(t, "print", "x")
		await[*protocol.Result](h.wire)
		return h
	},
}

var leavingRequesters = map[string]func(*testing.T, *attacker){
	"after the quote": func(t *testing.T, a *attacker) {
		for _, leave := range []func(*wire){func(w *wire) { _ = w.Reset() }, func(w *wire) { _ = w.Close() }, func(w *wire) { _ = w.CloseWrite() }} {
			w := a.dial(t)
			w.quote(a.request(t))
			leave(w)
		}
	},
	"silent after the quote": func(t *testing.T, a *attacker) {
		a.f.shift.Store(-int64(protocol.QuoteLife - time.Second)) // the quote ends in a second
		defer a.f.shift.Store(0)
		w := a.dial(t)
		w.quote(a.request(t))
		w.over()
	},
	"by a reset": func(t *testing.T, a *attacker) {
		for phase, reach := range phases {
			t.Run(phase, func(t *testing.T) {
				h := reach(t, a)
				_ = h.Reset()
				checkLeft(t, phase, a.f.job(t, h.id))
			})
		}
	},
	"by a half-close": func(t *testing.T, a *attacker) {
		for phase, reach := range phases {
			t.Run(phase, func(t *testing.T) {
				h := reach(t, a)
				_ = h.CloseWrite()
				checkLeft(t, phase, a.f.job(t, h.id))
			})
		}
	},
	"with the connection": func(t *testing.T, a *attacker) {
		h := phases["paused"](t, a)
		_ = a.host.Close()
		checkLeft(t, "paused", a.f.job(t, h.id))
	},
	"by a stop": func(t *testing.T, a *attacker) {
		for phase, reach := range phases {
			t.Run(phase, func(t *testing.T) {
				h := reach(t, a)
				h.send(&protocol.Stop{Reason: protocol.ReasonStopped})
				switch phase {
				case "queued", "staging":
					h.ended(protocol.StateCancelled, protocol.ReasonStopped)
				case "finished":
					_ = h.Reset()
				default:
					r := await[*protocol.Result](h.wire)
					if r.Reason != protocol.ReasonStopped || r.Receipt.Units > fieldTick {
						t.Errorf("stopped with %s after %d units", r.Reason, r.Receipt.Units)
					}
					h.settle(r)
				}
				if job := a.f.job(t, h.id); job.Paid != h.paid {
					t.Errorf("the rig's journal says %s paid, it is %s", job.Paid, h.paid)
				}
			})
		}
	},
}

// checkLeft holds what the rig made of a requester that left without paying.
func checkLeft(t *testing.T, phase string, job protocol.Job) {
	t.Helper()
	state, reason := protocol.StateFailed, protocol.ReasonPeerLost
	switch phase {
	case "queued", "staging":
		state = protocol.StateCancelled
	case "finished":
		reason = protocol.ReasonUnpaid
	}
	if job.State != state || job.Reason != reason || !job.Paid.IsZero() || job.Units > fieldTick {
		t.Errorf("the rig's journal says %s %s, %d units, %s paid; want %s %s and at most one tick", job.State, job.Reason,
			job.Units, job.Paid, state, reason)
	}
}

var hostileCrowds = map[string]func(*testing.T, *attacker){
	"300 streams": func(t *testing.T, a *attacker) {
		// The rig may reset a stream of a burst before it is counted, so the places are
		// taken one by one.
		limit := exchange.DefaultLimits().StreamsPerPeer
		open := make([]*wire, 300)
		for i := range open {
			open[i] = a.dial(t)
			if i < limit {
				open[i].quote(a.request(t))
			} else {
				open[i].send(a.request(t))
			}
		}
		for _, w := range open[limit:] {
			if m, err := w.recv(); err == nil {
				t.Fatalf("a stream past the cap of %d got %T", limit, m)
			}
		}
		a.f.honest(t, a.f.buyer)
		for _, w := range open {
			_ = w.Reset()
		}
		within(t, "a new stream of the same peer", answerWait, func() (bool, error) {
			w := a.dial(t)
			defer w.Reset()
			w.send(a.request(t))
			_, err := w.recv()
			return err == nil, nil
		})
	},
	"promises without money": func(t *testing.T, a *attacker) {
		poor := a.f.attacker(t, 0)
		var all []*hired
		for range exchange.DefaultLimits().StreamsPerPeer {
			all = append(all, poor.hire(t, "loop"))
		}
		a.f.honest(t, a.f.buyer)
		for _, h := range all {
			_ = h.Reset()
		}
	},
	"a full queue": func(t *testing.T, a *attacker) {
		var all []*hired
		for i := range 1 + 8 {
			h := a.hire(t, "loop")
			h.reached(protocol.StateQueued)
			if all = append(all, h); i == 0 {
				await[*protocol.ReceiptMsg](h.wire)
			}
		}
		w := a.dial(t)
		w.send(a.request(t))
		w.refused(protocol.ReasonBusy)
		var leaving sync.WaitGroup
		for _, h := range all {
			leaving.Go(func() { _ = h.Reset() })
		}
		leaving.Wait()
	},
}

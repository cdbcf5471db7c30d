package testnet_test

import (
	"strings"
	"testing"

	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
)

// Somebody who has a payer's key cashes a voucher that neither node knows. Both
// notice: the rig takes no more jobs through that channel, but those of others, so
// that no payer can stop it; the payer's node puts no more money into channels.
func TestVoucherThatNoJournalHas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Cleanup(w.end)
	w.do("net", "rig alice price=0.000001 poll=20ms", "requester bob tokens=1000 poll=20ms", "requester carol tokens=1000 poll=20ms")
	if st := w.bought("first", "bob", "0.000002"); st.State != protocol.StateSettled {
		t.Fatalf("the first job: %+v", st)
	}

	w.stolen("bob", "alice", 5)
	for _, name := range []string{"alice", "bob"} {
		w.do("until " + name + " alarms=1")
		if info := w.sees(w.member(name)); len(info.Chain.Alarms) != 1 || info.Chain.Alarms[0].Kind != treasury.AlarmClaimed {
			t.Fatalf("%s: %+v", name, info.Chain.Alarms)
		}
	}
	if st := w.bought("through", "bob", "0.000001"); st.State == protocol.StateSettled {
		t.Errorf("a job through the channel: %+v", st)
	}
	if st := w.bought("more", "bob", "0.001"); st.State == protocol.StateSettled || !strings.Contains(st.Detail, treasury.AlarmClaimed) {
		t.Errorf("a job that needs more in the channel: %+v", st)
	}
	if st := w.bought("others", "carol", "0.000002"); st.State != protocol.StateSettled {
		t.Errorf("a job of another payer: %+v", st)
	}
}

// stolen cashes a voucher of the channel from one member to another that only the
// payer's key has made.
func (w *world) stolen(from, to string, units uint64) {
	w.t.Helper()
	ctx, n := w.t.Context(), w.net()
	key, rig := keyOf(from), keyOf(to).Address()
	ch := protocol.Channel{Payer: key.Address(), Signer: key.Address(), Payee: rig, Operator: rig, Token: n.Chain.Token()}
	v, err := protocol.SignVoucher(protocol.Voucher{Channel: ch.ID(), Cumulative: protocol.NewAmount(units)}, n.Chain.Domain(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	thief := outsider(w.t, n, keyOf("thief"))
	if err := n.Endow(ctx, thief.Address()); err != nil {
		w.t.Fatal(err)
	}
	if _, err := thief.Redeem(ctx, []protocol.Redemption{{Channel: ch, Voucher: v}}); err != nil {
		w.t.Fatal(err)
	}
}

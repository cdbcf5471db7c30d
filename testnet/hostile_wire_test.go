package testnet_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"

	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/protocol"
)

const answerWait = 40 * time.Second // for an answer that must come

// attacker is a requester that keeps no rule: a bare libp2p host with a key, and a
// channel to the rig that the purse has funded.
type attacker struct {
	f     *field
	key   *protocol.Key
	host  host.Host
	ch    protocol.Channel
	epoch uint32
	given protocol.Amount // by vouchers, in all
}

// attacker makes one; its channel holds funded base units.
func (f *field) attacker(t *testing.T, funded uint64) *attacker {
	t.Helper()
	a := &attacker{f: f, key: newHostileKey(t)}
	priv, err := crypto.UnmarshalSecp256k1PrivateKey(a.key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if a.host, err = libp2p.New(libp2p.Identity(priv), libp2p.NoListenAddrs, libp2p.DisableMetrics(),
		libp2p.ProtocolVersion("rerig/"+f.Profile.Name+"/1"), libp2p.ResourceManager(&network.NullResourceManager{})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.host.Close() })
	if err := a.host.Connect(t.Context(), f.rigPeer); err != nil {
		t.Fatal(err)
	}
	rig := f.rig.Node.Address()
	a.ch = protocol.Channel{Payer: f.purseKey.Address(), Signer: a.key.Address(), Payee: rig, Operator: rig, Token: f.Chain.Token()}
	if funded > 0 {
		_, st, err := f.purse.Fund(t.Context(), a.ch, protocol.NewAmount(funded))
		if err != nil {
			t.Fatal(err)
		}
		a.epoch = st.Epoch
	}
	return a
}

// wire is a job stream in hostile hands.
type wire struct {
	t *testing.T
	network.Stream
}

func (a *attacker) dial(t *testing.T) *wire {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answerWait)
	defer cancel()
	st, err := a.host.NewStream(ctx, a.f.rigPeer.ID, exchange.ID(a.f.Profile.Name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Reset() })
	return &wire{t, st}
}

func (w *wire) send(m protocol.Message) {
	w.t.Helper()
	b, err := protocol.EncodeMessage(m)
	if err != nil {
		w.t.Fatal(err)
	}
	w.frame(b)
}

// frame sends bytes as a frame; that the rig has hung up is no failure here.
func (w *wire) frame(b []byte) {
	w.t.Helper()
	_ = protocol.WriteFrame(w, b, protocol.MaxFrame)
}

func (w *wire) recv() (protocol.Message, error) { return w.recvBefore(time.Now().Add(answerWait)) }

func (w *wire) recvBefore(deadline time.Time) (protocol.Message, error) {
	if err := w.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	b, err := protocol.ReadFrame(w, protocol.MaxFrame)
	if err != nil {
		return nil, err
	}
	return protocol.DecodeMessage(b)
}

// await reads up to a message of type M, past heartbeats and output.
func await[M protocol.Message](w *wire) M {
	w.t.Helper()
	for deadline := time.Now().Add(answerWait); ; {
		m, err := w.recvBefore(deadline)
		if err != nil {
			var want M
			w.t.Fatalf("waiting for %T: %v", want, err)
		}
		switch got := m.(type) {
		case M:
			return got
		case *protocol.Refusal:
			w.t.Fatalf("refused: %s %s", got.Reason, got.Detail)
		}
	}
}

// refused insists on a refusal with the reason, whose detail says all of what.
func (w *wire) refused(reason protocol.Reason, what ...string) {
	w.t.Helper()
	m, err := w.recv()
	if err != nil {
		w.t.Fatalf("no refusal: %v", err)
	}
	r, ok := m.(*protocol.Refusal)
	if !ok {
		w.t.Fatalf("got %T %+v instead of a refusal", m, m)
	}
	if r.Reason != reason {
		w.t.Errorf("refused with %s (%s), want %s", r.Reason, r.Detail, reason)
	}
	for _, s := range what {
		if !strings.Contains(r.Detail, s) {
			w.t.Errorf("the refusal %q does not say %q", r.Detail, s)
		}
	}
	w.over()
}

// over insists that the rig ends the stream.
func (w *wire) over() {
	w.t.Helper()
	for deadline := time.Now().Add(answerWait); ; {
		m, err := w.recvBefore(deadline)
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() {
			w.t.Fatal("the rig keeps the stream open")
		}
		if err != nil {
			return
		}
		if _, ok := m.(*protocol.Status); !ok {
			w.t.Fatalf("got %T after the end", m)
		}
	}
}

// ended reads up to the status that ends the job.
func (w *wire) ended(state protocol.State, reason protocol.Reason) {
	w.t.Helper()
	for {
		switch st := await[*protocol.Status](w); st.State {
		case protocol.StateRejected, protocol.StateFailed, protocol.StateCancelled, protocol.StateExpired:
			if st.State != state || st.Reason != reason {
				w.t.Fatalf("ended %s %s (%s), want %s %s", st.State, st.Reason, st.Detail, state, reason)
			}
			w.over()
			return
		}
	}
}

// reached reads up to a status with the state.
func (w *wire) reached(state protocol.State) {
	w.t.Helper()
	for {
		if st := await[*protocol.Status](w); st.State == state {
			return
		}
	}
}

// request is a good quote request for a job of the guest.
func (a *attacker) request(t *testing.T, args ...string) *protocol.QuoteRequest {
	t.Helper()
	spec := a.f.spec
	spec.Args = args
	r := &protocol.QuoteRequest{Spec: encodeSpec(t, &spec), Payer: a.ch.Payer, Signer: a.ch.Signer,
		Market: a.f.market(), Unit: protocol.UnitCPUMillis, Budget: protocol.NewAmount(jobBudget)}
	if _, err := rand.Read(r.Nonce[:]); err != nil {
		t.Fatal(err)
	}
	return r
}

func encodeSpec(t *testing.T, s *protocol.JobSpec) []byte {
	t.Helper()
	b, err := protocol.Encode(s) // unchecked: it may break the limits
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// quote asks and insists on a quote.
func (w *wire) quote(r *protocol.QuoteRequest) *protocol.Quote {
	w.t.Helper()
	w.send(r)
	return await[*protocol.Quote](w)
}

// accept is a good accept of the quote.
func (a *attacker) accept(t *testing.T, q *protocol.Quote) *protocol.Accept {
	t.Helper()
	sig, err := a.key.Sign(q.Agreement.ID())
	if err != nil {
		t.Fatal(err)
	}
	return &protocol.Accept{Agreement: q.Agreement, Channel: q.Channel, Epoch: a.epoch, RigSig: q.RigSig, PayerSig: sig}
}

// hired is a job that the rig has taken on.
type hired struct {
	*wire
	a    *attacker
	id   protocol.Hash
	paid protocol.Amount // for this job
}

// hire has the rig take on a job of the guest.
func (a *attacker) hire(t *testing.T, args ...string) *hired {
	t.Helper()
	w := a.dial(t)
	q := w.quote(a.request(t, args...))
	w.send(a.accept(t, q))
	return &hired{wire: w, a: a, id: q.Agreement.ID()}
}

// voucher is a good voucher that pays more for the job.
func (h *hired) voucher(more uint64) *protocol.VoucherMsg {
	h.t.Helper()
	given, err := h.a.given.Add(protocol.NewAmount(more))
	if err != nil {
		h.t.Fatal(err)
	}
	paid, err := h.paid.Add(protocol.NewAmount(more))
	if err != nil {
		h.t.Fatal(err)
	}
	return &protocol.VoucherMsg{JobPaid: paid, Voucher: h.signed(h.a.key, h.a.f.Chain.Domain(),
		protocol.Voucher{Channel: h.a.ch.ID(), Epoch: h.a.epoch, Cumulative: given})}
}

func (h *hired) signed(key *protocol.Key, d protocol.Domain, v protocol.Voucher) protocol.SignedVoucher {
	h.t.Helper()
	s, err := protocol.SignVoucher(v, d, key)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// pay sends a good voucher.
func (h *hired) pay(more uint64) {
	h.t.Helper()
	m := h.voucher(more)
	h.send(m)
	h.a.given, h.paid = m.Voucher.Voucher.Cumulative, m.JobPaid
}

// settle pays the result and waits until the rig has it.
func (h *hired) settle(r *protocol.Result) {
	h.t.Helper()
	due, err := protocol.Price{Unit: protocol.UnitCPUMillis, PerMillion: protocol.NewAmount(fieldPrice)}.Cost(r.Receipt.Units)
	if err != nil {
		h.t.Fatal(err)
	}
	h.pay(due.Minus(h.paid).Big().Uint64()) // if it is nothing, the last voucher again
	if got := await[*protocol.Settled](h.wire); got.Paid != h.paid {
		h.t.Errorf("settled at %s, paid %s", got.Paid, h.paid)
	}
}

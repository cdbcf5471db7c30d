package testnet_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// funds of a hostile requester's channel: ten budgets.
const attackFunds = 10 * jobBudget

// TestHostileRequester lets requesters loose on a rig that break the protocol in
// every phase of a job (SPEC §5.2, §5.3, §7.2). After each the rig has no job left,
// has exactly what was promised to it, and serves an honest requester.
func TestHostileRequester(t *testing.T) {
	t.Parallel()
	f := newField(t, node.RigConfig{Slots: 1, Queue: 8})
	for _, group := range []struct {
		name  string
		cases map[string]func(*testing.T, *attacker)
	}{
		{"frames", hostileFrames}, {"requests", hostileRequests}, {"accepts", hostileAccepts},
		{"vouchers", hostileVouchers}, {"leaving", leavingRequesters}, {"crowds", hostileCrowds},
	} {
		t.Run(group.name, func(t *testing.T) {
			for name, attack := range group.cases {
				t.Run(name, func(t *testing.T) {
					a := f.attacker(t, attackFunds)
					attack(t, a)
					f.quiet(t)
					if got := f.held(t, a.ch.ID()); got != a.given {
						t.Errorf("the rig holds vouchers for %s, %s were given", got, a.given)
					}
					f.honest(t, f.buyer)
				})
			}
		})
	}
	f.exact(t)
}

// exact collects and checks that the chain pays the sum of all vouchers.
func (f *field) exact(t *testing.T) {
	t.Helper()
	before, err := f.rig.Wallet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var sum protocol.Amount
	for _, c := range before.Channels {
		pays := c.Vouchers
		if c.State.Funded.Less(pays) {
			pays = c.State.Funded
		}
		if sum, err = sum.Add(pays); err != nil {
			t.Fatal(err)
		}
	}
	if before.Owed != sum {
		t.Errorf("owed %s, the vouchers say %s", before.Owed, sum)
	}
	if _, err := f.rig.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := f.rig.Wallet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	had, _ := before.Balances.Wallet.Add(before.Balances.Account)
	has, _ := after.Balances.Wallet.Add(after.Balances.Account)
	if got := has.Minus(had); got != sum || !after.Owed.IsZero() {
		t.Errorf("collected %s of %s, still owed %s", got, sum, after.Owed)
	}
}

// envelope is a frame's content with nothing checked.
type envelope struct {
	Version uint8             `cbor:"1,keyasint"`
	Type    uint8             `cbor:"2,keyasint"`
	Body    cbor.RawMessage   `cbor:"3,keyasint"`
	Crit    map[string][]byte `cbor:"4,keyasint"`
	Opt     map[string][]byte `cbor:"5,keyasint"`
}

func (w *wire) envelope(e envelope, body any) {
	w.t.Helper()
	var err error
	if e.Body, err = protocol.Encode(body); err != nil {
		w.t.Fatal(err)
	}
	b, err := protocol.Encode(e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.frame(b)
}

var hostileFrames = map[string]func(*testing.T, *attacker){
	"garbage": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		w.frame([]byte("GET / HTTP/1.1\r\n\r\n"))
		w.refused(protocol.ReasonMalformed)
	},
	"empty frame": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		w.frame(nil)
		w.refused(protocol.ReasonMalformed)
	},
	"over-long frame": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		if _, err := w.Write(binary.BigEndian.AppendUint32(nil, 1<<32-1)); err != nil {
			t.Fatal(err)
		}
		w.refused(protocol.ReasonMalformed, "frame", "65536")
	},
	"half a frame": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		if _, err := w.Write(append(binary.BigEndian.AppendUint32(nil, 1000), 1, 2, 3)); err != nil {
			t.Fatal(err)
		}
		_ = w.CloseWrite()
		w.over()
	},
	"nothing": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		_ = w.CloseWrite()
		w.over()
	},
	"another version": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		w.envelope(envelope{Version: 2, Type: 1}, a.request(t))
		w.refused(protocol.ReasonVersion, "version", "2")
	},
	"unknown critical extension": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		w.envelope(envelope{Version: 1, Type: 1, Crit: map[string][]byte{"moon-phase": {1}}}, a.request(t))
		w.refused(protocol.ReasonVersion, "moon-phase")
	},
	"unknown optional extension": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		w.envelope(envelope{Version: 1, Type: 1, Opt: map[string][]byte{"moon-phase": {1}}}, a.request(t))
		await[*protocol.Quote](w)
		_ = w.Close()
	},
	"unknown type": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		w.envelope(envelope{Version: 1, Type: 200}, a.request(t))
		w.refused(protocol.ReasonMalformed, "message.type")
	},
	"not canonical": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		b, err := protocol.EncodeMessage(a.request(t))
		if err != nil {
			t.Fatal(err)
		}
		w.frame(append(b, 0))
		w.refused(protocol.ReasonMalformed)
	},
	"first message out of place": func(t *testing.T, a *attacker) {
		h := a.hire(t, "print", "x") // papers to misuse
		good := h.voucher(1)
		h.settle(await[*protocol.Result](h.wire))
		for _, m := range []protocol.Message{&protocol.Stop{}, &protocol.Settled{}, &protocol.Refusal{}, good,
			&protocol.Status{State: protocol.StateRunning}, &protocol.Output{FD: 1, Data: []byte("x")}} {
			w := a.dial(t)
			w.send(m)
			w.refused(protocol.ReasonMalformed, "first message")
		}
	},
	"second message out of place": func(t *testing.T, a *attacker) {
		for _, m := range []protocol.Message{&protocol.Stop{}, &protocol.Settled{}, a.request(t)} {
			w := a.dial(t)
			w.quote(a.request(t))
			w.send(m)
			w.refused(protocol.ReasonMalformed, "accept")
		}
	},
	"garbage after the quote": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		w.quote(a.request(t))
		w.frame([]byte{0xff})
		w.refused(protocol.ReasonMalformed)
	},
	"message out of place in a job": func(t *testing.T, a *attacker) {
		h := a.hire(t, "loop")
		await[*protocol.ReceiptMsg](h.wire)
		h.send(a.request(t))
		h.ended(protocol.StateFailed, protocol.ReasonMalformed)
		if job := a.f.job(t, h.id); job.State != protocol.StateFailed || job.Reason != protocol.ReasonMalformed {
			t.Errorf("the rig's journal says %s %s", job.State, job.Reason)
		}
	},
	"garbage in a job": func(t *testing.T, a *attacker) {
		h := a.hire(t, "loop")
		await[*protocol.ReceiptMsg](h.wire)
		h.frame([]byte{1, 2, 3})
		h.ended(protocol.StateFailed, protocol.ReasonMalformed)
	},
}

var hostileRequests = map[string]func(*testing.T, *attacker){
	"specs": func(t *testing.T, a *attacker) {
		for name, c := range map[string]struct {
			change func(*protocol.JobSpec)
			reason protocol.Reason
			what   string
		}{
			"run time":   {func(s *protocol.JobSpec) { s.Limits.RunMillis = 1 << 60 }, protocol.ReasonMalformed, "run_ms"},
			"stdout":     {func(s *protocol.JobSpec) { s.Limits.StdoutBytes = 1 << 50 }, protocol.ReasonMalformed, "stdout_bytes"},
			"outputs":    {func(s *protocol.JobSpec) { s.Limits.OutputBytes = 1 << 50 }, protocol.ReasonMalformed, "output_bytes"},
			"files":      {func(s *protocol.JobSpec) { s.Limits.OutputFiles = 1 << 30 }, protocol.ReasonMalformed, "output_files"},
			"arguments":  {func(s *protocol.JobSpec) { s.Args = make([]string, 300) }, protocol.ReasonMalformed, "spec.args"},
			"input name": {func(s *protocol.JobSpec) { s.Inputs = []protocol.Input{{Name: "../key", CID: s.Module, Size: 1}} }, protocol.ReasonMalformed, "name"},
			"module":     {func(s *protocol.JobSpec) { s.Module = "/etc/passwd" }, protocol.ReasonMalformed, "spec.module"},
			"version":    {func(s *protocol.JobSpec) { s.Version = 9 }, protocol.ReasonMalformed, "spec.version"},
			"extension":  {func(s *protocol.JobSpec) { s.Crit = protocol.Extensions{"root-shell": nil} }, protocol.ReasonMalformed, "root-shell"},
			"engine":     {func(s *protocol.JobSpec) { s.Engine = "native" }, protocol.ReasonEngine, "native"},
			"service":    {func(s *protocol.JobSpec) { s.Kind = protocol.KindService }, protocol.ReasonMalformed, "no ports"},
			"GPUs":       {func(s *protocol.JobSpec) { s.Resources.GPUs = 8 }, protocol.ReasonResources, "GPU"},
			"VRAM":       {func(s *protocol.JobSpec) { s.Resources.VRAMMiB = 1 << 20 }, protocol.ReasonResources, "VRAM"},
			"CPUs":       {func(s *protocol.JobSpec) { s.Resources.CPUs = 60000 }, protocol.ReasonResources, "CPUs"},
			"disk":       {func(s *protocol.JobSpec) { s.Resources.DiskMiB = 1<<32 - 1 }, protocol.ReasonResources, "disk"},
			"egress":     {func(s *protocol.JobSpec) { s.Egress, s.Hosts = true, []string{"example.org:443"} }, protocol.ReasonMalformed, "container only"},
			"hosts":      {func(s *protocol.JobSpec) { s.Egress = true }, protocol.ReasonMalformed, "spec.hosts"},
			"inputs": {func(s *protocol.JobSpec) {
				for i := range 64 {
					s.Inputs = append(s.Inputs, protocol.Input{Name: string(rune('A' + i)), CID: s.Module, Size: protocol.MaxInputBytes})
				}
				s.Inputs = slices.DeleteFunc(s.Inputs, func(in protocol.Input) bool { return in.Name == "\\" })
			}, protocol.ReasonInputTooBig, "disk"},
		} {
			t.Run(name, func(t *testing.T) {
				spec, r := a.f.spec, a.request(t)
				c.change(&spec)
				w := a.dial(t)
				r.Spec = encodeSpec(t, &spec)
				w.send(r)
				w.refused(c.reason, c.what)
			})
		}
	},
	"terms": func(t *testing.T, a *attacker) {
		for name, c := range map[string]struct {
			change func(*protocol.QuoteRequest)
			reason protocol.Reason
		}{
			"no budget":        {func(r *protocol.QuoteRequest) { r.Budget = protocol.Amount{} }, protocol.ReasonOverBudget},
			"tiny budget":      {func(r *protocol.QuoteRequest) { r.Budget = protocol.NewAmount(fieldPrice/1_000_000 - 1) }, protocol.ReasonOverBudget},
			"another unit":     {func(r *protocol.QuoteRequest) { r.Unit = protocol.UnitTokenOut }, protocol.ReasonEngine},
			"another chain":    {func(r *protocol.QuoteRequest) { r.Market.Domain.ChainID++ }, protocol.ReasonMarket},
			"another escrow":   {func(r *protocol.QuoteRequest) { r.Market.Domain.Escrow[0] ^= 1 }, protocol.ReasonMarket},
			"another token":    {func(r *protocol.QuoteRequest) { r.Market.Token[0] ^= 1 }, protocol.ReasonMarket},
			"no spec":          {func(r *protocol.QuoteRequest) { r.Spec = nil }, protocol.ReasonMalformed},
			"spec is garbage":  {func(r *protocol.QuoteRequest) { r.Spec = []byte("{}") }, protocol.ReasonMalformed},
			"spec with a tail": {func(r *protocol.QuoteRequest) { r.Spec = append(r.Spec, 0) }, protocol.ReasonMalformed},
		} {
			t.Run(name, func(t *testing.T) {
				r := a.request(t)
				c.change(r)
				w := a.dial(t)
				w.send(r)
				w.refused(c.reason)
			})
		}
	},
}

var hostileAccepts = map[string]func(*testing.T, *attacker){
	"changed": func(t *testing.T, a *attacker) {
		for name, c := range map[string]struct {
			change func(*protocol.Accept)
			reason protocol.Reason
		}{
			"price":           {func(m *protocol.Accept) { m.Agreement.Price.PerMillion = protocol.NewAmount(1) }, protocol.ReasonMalformed},
			"tick":            {func(m *protocol.Accept) { m.Agreement.TickUnits = 1 << 30 }, protocol.ReasonMalformed},
			"budget":          {func(m *protocol.Accept) { m.Agreement.MaxTotal = protocol.NewAmount(1 << 40) }, protocol.ReasonMalformed},
			"accept by":       {func(m *protocol.Accept) { m.Agreement.AcceptBy += 60_000 }, protocol.ReasonMalformed},
			"reserved field":  {func(m *protocol.Accept) { m.Agreement.Tier = 3 }, protocol.ReasonMalformed},
			"requester":       {func(m *protocol.Accept) { m.Agreement.Requester = a.f.buyer.Node.Address() }, protocol.ReasonMalformed},
			"channel":         {func(m *protocol.Accept) { m.Channel.Payer = a.key.Address() }, protocol.ReasonMalformed},
			"channel ID":      {func(m *protocol.Accept) { m.Agreement.Channel[0] ^= 1 }, protocol.ReasonMalformed},
			"payee":           {func(m *protocol.Accept) { m.Channel.Payee = a.key.Address() }, protocol.ReasonMalformed},
			"rig's signature": {func(m *protocol.Accept) { m.RigSig[3] ^= 1 }, protocol.ReasonMalformed},
			"signature":       {func(m *protocol.Accept) { m.PayerSig[3] ^= 1 }, protocol.ReasonBadSignature},
			"no signature":    {func(m *protocol.Accept) { m.PayerSig = protocol.Signature{} }, protocol.ReasonBadSignature},
			"another's signature": {func(m *protocol.Accept) {
				m.PayerSig, _ = a.f.purseKey.Sign(m.Agreement.ID()) // it pays, but it did not ask
			}, protocol.ReasonBadSignature},
		} {
			t.Run(name, func(t *testing.T) {
				w := a.dial(t)
				m := a.accept(t, w.quote(a.request(t)))
				c.change(m)
				w.send(m)
				w.refused(c.reason)
			})
		}
	},
	"late": func(t *testing.T, a *attacker) {
		w := a.dial(t)
		q := w.quote(a.request(t))
		a.f.shift.Store(int64(protocol.QuoteLife + time.Second))
		defer a.f.shift.Store(0)
		w.send(a.accept(t, q))
		w.refused(protocol.ReasonQuoteExpired)
	},
	"of another stream's quote": func(t *testing.T, a *attacker) {
		w, other := a.dial(t), a.dial(t)
		q := w.quote(a.request(t))
		other.quote(a.request(t))
		other.send(a.accept(t, q))
		other.refused(protocol.ReasonMalformed, "differs")
		_ = w.Close()
	},
	"of a job under way and of a job that was": func(t *testing.T, a *attacker) {
		a.f.frozen.Store(time.Now().UnixNano()) // the same request gets the same quote
		w, second, third := a.dial(t), a.dial(t), a.dial(t)
		r := a.request(t, "loop")
		q := w.quote(r)
		if *second.quote(r) != *q || *third.quote(r) != *q {
			t.Fatal("the quotes differ")
		}
		a.f.frozen.Store(0)
		h := &hired{wire: w, a: a, id: q.Agreement.ID()}
		h.send(a.accept(t, q))
		await[*protocol.ReceiptMsg](h.wire)
		second.send(a.accept(t, q))
		second.refused(protocol.ReasonMalformed, "here")
		h.pay(tickCost)
		await[*protocol.ReceiptMsg](h.wire)
		h.pay(tickCost)
		h.send(&protocol.Stop{})
		h.settle(await[*protocol.Result](h.wire))
		third.send(a.accept(t, q))
		third.refused(protocol.ReasonMalformed, "was here before")
	},
	"of a closing channel": func(t *testing.T, a *attacker) {
		if _, err := a.f.purse.RequestClose(t.Context(), a.ch); err != nil {
			t.Fatal(err)
		}
		h := a.hire(t, "print", "x")
		h.ended(protocol.StateRejected, protocol.ReasonChannelClose)
	},
}

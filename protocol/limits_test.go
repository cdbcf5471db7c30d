package protocol

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// wantField fails unless err is a FieldError that names the field, the limit and
// nothing longer than a line.
func wantField(t *testing.T, err error, field, limit string) {
	t.Helper()
	var f *FieldError
	if !errors.As(err, &f) {
		t.Errorf("got %v, want a FieldError for %s", err, field)
		return
	}
	if f.Field != field || !strings.Contains(f.Error(), limit) {
		t.Errorf("got %q, want field %s and limit %q", f, field, limit)
	}
	if len(err.Error()) > 300 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

// TestLimits changes one thing in a valid example at a time (SPEC §9): at the
// limit it passes, past it the error names field and limit.
func TestLimits(t *testing.T) {
	t.Run("spec", func(t *testing.T) {
		for _, c := range []struct {
			field, limit string
			at, past     func(*JobSpec)
		}{
			{"spec.version", "1", nil, func(s *JobSpec) { s.Version = 2 }},
			{"spec.version", "1", nil, func(s *JobSpec) { s.Version = 0 }},
			{"spec.kind", "task", func(s *JobSpec) { s.Engine, s.Kind = EngineContainer, KindService }, func(s *JobSpec) { s.Kind = "daemon" }},
			{"spec.kind", "no ports", nil, func(s *JobSpec) { s.Kind = KindService }},
			{"spec of a served model", "no arguments", func(s *JobSpec) {
				*s = JobSpec{Version: Version, Kind: KindService, Engine: EngineModel, Module: s.Module, ModuleSize: 1, Limits: s.Limits}
			}, func(s *JobSpec) { s.Kind, s.Engine, s.Env, s.Inputs = KindService, EngineModel, nil, nil }},
			{"spec.engine", "a name", func(s *JobSpec) { s.Engine = long(MaxNameBytes) }, func(s *JobSpec) { s.Engine = long(MaxNameBytes + 1) }},
			{"spec.engine", "a name", nil, func(s *JobSpec) { s.Engine = "" }},
			{"spec.engine", "a name", nil, func(s *JobSpec) { s.Engine = "\xff" }},
			{"spec.limits.checkpoint_ms", "at least 1s", func(s *JobSpec) { s.Limits.CheckpointMillis = 1000 }, func(s *JobSpec) { s.Limits.CheckpointMillis = 999 }},
			{"spec.limits.checkpoint_ms", "at most 24h", nil, func(s *JobSpec) { s.Limits.CheckpointMillis = 24*3600*1000 + 1 }},
			{"spec.inputs", "at most 63 beside a checkpoint", func(s *JobSpec) {
				s.Inputs, s.Limits.CheckpointMillis = inputs(MaxInputs), 1000
				s.Inputs[0].Name = CheckpointFile
			}, func(s *JobSpec) { s.Inputs, s.Limits.CheckpointMillis = inputs(MaxInputs), 1000 }},
			{"spec.limits.checkpoint_ms", "only tasks", nil, func(s *JobSpec) { s.Engine, s.Kind, s.Limits.CheckpointMillis = EngineContainer, KindService, 1000 }},
			{"spec.module", "a CID", nil, func(s *JobSpec) { s.Module = "" }},
			{"spec.module_size", "67108864", func(s *JobSpec) { s.ModuleSize = MaxModuleBytes }, func(s *JobSpec) { s.ModuleSize = MaxModuleBytes + 1 }},
			{"spec.module_size", "68719476736", func(s *JobSpec) { s.Engine, s.ModuleSize = EngineContainer, MaxImageBytes },
				func(s *JobSpec) { s.Engine, s.ModuleSize = EngineContainer, MaxImageBytes+1 }},
			{"spec.module_size", "68719476736", func(s *JobSpec) { s.Engine, s.ModuleSize, s.Env, s.Inputs = EngineModel, MaxModelBytes, nil, nil },
				func(s *JobSpec) { s.Engine, s.ModuleSize, s.Env, s.Inputs = EngineModel, MaxModelBytes+1, nil, nil }},
			{"spec.env", "empty for a model", nil, func(s *JobSpec) { s.Engine, s.Env = EngineModel, []string{"A=b"} }},
			{"spec.inputs[0].name", "the model itself", nil, func(s *JobSpec) {
				s.Engine, s.Env, s.Inputs = EngineModel, nil, []Input{{Name: ModelFile, CID: s.Module}}
			}},
			{"spec.module_size", "1 to", nil, func(s *JobSpec) { s.ModuleSize = 0 }},
			{"spec.args", "at most 256", func(s *JobSpec) { s.Args = many(MaxArgs, "a") }, func(s *JobSpec) { s.Args = many(MaxArgs+1, "a") }},
			{"spec.args[0]", "at most 8192", func(s *JobSpec) { s.Args = []string{long(MaxArgBytes)} }, func(s *JobSpec) { s.Args = []string{long(MaxArgBytes + 1)} }},
			{"spec.args[1]", "NUL", nil, func(s *JobSpec) { s.Args = []string{"a", "b\x00"} }},
			{"spec.args[0]", "UTF-8", nil, func(s *JobSpec) { s.Args = []string{"\xc3("} }},
			{"spec.env", "at most 64", func(s *JobSpec) { s.Env = many(MaxEnv, "A=") }, func(s *JobSpec) { s.Env = many(MaxEnv+1, "A=") }},
			{"spec.env[0]", "at most 8192", func(s *JobSpec) { s.Env = []string{long(MaxArgBytes)} }, func(s *JobSpec) { s.Env = []string{long(MaxArgBytes + 1)} }},
			{"spec.inputs", "at most 64", func(s *JobSpec) { s.Inputs = inputs(MaxInputs) }, func(s *JobSpec) { s.Inputs = inputs(MaxInputs + 1) }},
			{"spec.inputs[1].size", "4294967296", func(s *JobSpec) { s.Inputs[1].Size = MaxInputBytes }, func(s *JobSpec) { s.Inputs[1].Size = MaxInputBytes + 1 }},
			{"spec.inputs[1].name", "unique", nil, func(s *JobSpec) { s.Inputs[1].Name = s.Inputs[0].Name }},
			{"spec.inputs[0].name", "one plain file name", nil, func(s *JobSpec) { s.Inputs[0].Name = "../key.json" }},
			{"spec.inputs[0].cid", "a CID", nil, func(s *JobSpec) { s.Inputs[0].CID = "nothing" }},
			{"spec.sealed", "1 (files)", func(s *JobSpec) { s.Sealed, s.Public = SealedFiles|SealedModule, false }, func(s *JobSpec) { s.Sealed, s.Public = 4, false }},
			{"spec.sealed", "public job", func(s *JobSpec) { s.Sealed, s.Public = SealedModule, true }, func(s *JobSpec) { s.Sealed, s.Public = SealedFiles, true }},
			{"spec.sealed", "a directory", func(s *JobSpec) { s.Engine, s.Sealed, s.Public = EngineContainer, SealedFiles, false },
				func(s *JobSpec) { s.Engine, s.Sealed, s.Public = EngineContainer, SealedModule, false }},
			{"spec.limits.run_ms", "24h", func(s *JobSpec) { s.Limits.RunMillis = uint64(MaxRunTime.Milliseconds()) }, func(s *JobSpec) { s.Limits.RunMillis = uint64(MaxRunTime.Milliseconds()) + 1 }},
			{"spec.limits.run_ms", "between", nil, func(s *JobSpec) { s.Limits.RunMillis = 0 }},
			{"spec.limits.run_ms", "between", nil, func(s *JobSpec) { s.Limits.RunMillis = 1<<64 - 1 }}, // overflows a Duration
			{"spec.limits.run_ms", "between", nil, func(s *JobSpec) { s.Limits.RunMillis = 18446744073710 }},
			{"spec.limits.stdout_bytes", "67108864", func(s *JobSpec) { s.Limits.StdoutBytes = MaxStdoutBytes }, func(s *JobSpec) { s.Limits.StdoutBytes = MaxStdoutBytes + 1 }},
			{"spec.limits.output_bytes", "1073741824", func(s *JobSpec) { s.Limits.OutputBytes = MaxOutputBytes }, func(s *JobSpec) { s.Limits.OutputBytes = MaxOutputBytes + 1 }},
			{"spec.limits.output_files", "1024", func(s *JobSpec) { s.Limits.OutputFiles = MaxOutputFiles }, func(s *JobSpec) { s.Limits.OutputFiles = MaxOutputFiles + 1 }},
			{"spec.resources.memory_mib", "4096", func(s *JobSpec) { s.Resources.MemoryMiB = 4096 }, func(s *JobSpec) { s.Resources.MemoryMiB = 4097 }},
			{"spec.resources.memory_mib", "1048576", func(s *JobSpec) { s.Engine, s.Resources.MemoryMiB = "container:gvisor", 1<<20 },
				func(s *JobSpec) { s.Engine, s.Resources.MemoryMiB = "container:gvisor", 1<<20+1 }},
			{"spec.extensions", "at most 8", func(s *JobSpec) { s.Opt = exts(MaxExtensions) }, func(s *JobSpec) { s.Opt = exts(MaxExtensions + 1) }},
		} {
			s := exampleSpec()
			c.past(s)
			wantField(t, s.Check(), c.field, c.limit)
			if _, _, err := EncodeSpec(s); err == nil {
				t.Errorf("%s: encoded past its limit", c.field)
			}
			if _, err := DecodeSpec(must(Encode(s))); err == nil {
				t.Errorf("%s: decoded past its limit", c.field)
			}
			if c.at != nil {
				s = exampleSpec()
				c.at(s)
				if err := s.Check(); err != nil {
					t.Errorf("%s: refused at its limit: %v", c.field, err)
				}
			}
		}
		fat := exampleSpec()
		fat.Args = []string{long(MaxArgBytes), long(MaxArgBytes)}
		_, _, err := EncodeSpec(fat)
		wantField(t, err, "spec", "at most 16384")
		_, err = DecodeSpec(must(Encode(fat)))
		wantField(t, err, "spec", "at most 16384")
	})
	t.Run("offer", testOfferLimits)
	t.Run("message", testMessageLimits)
	t.Run("index", testIndexLimits)
	t.Run("agreement", testAgreementRules)
}

func inputs(n int) []Input {
	out := make([]Input, n)
	for i, name := range many(n, "file") {
		out[i] = Input{Name: name, CID: exampleCID(name), Size: 1}
	}
	return out
}

func exts(n int) Extensions {
	out := Extensions{}
	for _, name := range many(n, "ext") {
		out[name] = []byte{1}
	}
	return out
}

func testOfferLimits(t *testing.T) {
	for _, c := range []struct {
		field, limit string
		past         func(*Offer)
	}{
		{"offer.version", "1", func(o *Offer) { o.Version = 2 }},
		{"offer.rig and offer.payee", "not zero", func(o *Offer) { o.Rig = Address{} }},
		{"offer.rig and offer.payee", "not zero", func(o *Offer) { o.Payee = Address{} }},
		{"offer", "at least one", func(o *Offer) { o.Markets = nil }},
		{"offer", "at least one", func(o *Offer) { o.Prices = nil }},
		{"offer", "at least one", func(o *Offer) { o.Engines = nil }},
		{"offer.network", "at most 128", func(o *Offer) { o.Network = long(129) }},
		{"offer.region", "at most 128", func(o *Offer) { o.Region = long(129) }},
		{"offer.region", "UTF-8", func(o *Offer) { o.Region = "\xff" }},
		{"offer.addrs", "at most 8", func(o *Offer) { o.Addrs = many(9, "a") }},
		{"offer.addrs[1]", "at most 128", func(o *Offer) { o.Addrs[1] = long(129) }},
		{"offer.markets", "at most 4", func(o *Offer) { o.Markets = make([]Market, 5) }},
		{"offer.prices", "at most 8", func(o *Offer) { o.Prices = make([]Price, 9) }},
		{"offer.prices[1].unit", "§5.4", func(o *Offer) { o.Prices[1].Unit = "hour" }},
		{"offer.engines", "at most 8", func(o *Offer) { o.Engines = many(9, "e") }},
		{"offer.engines[0]", "at most 128", func(o *Offer) { o.Engines[0] = long(129) }},
		{"offer.models", "at most 4", func(o *Offer) { o.Models = make([]Served, 5) }},
		{"offer.models[0].cid", "a CID", func(o *Offer) { o.Models = served(func(m *Served) { m.CID = "m" }) }},
		{"offer.models[0].name", "not empty", func(o *Offer) { o.Models = served(func(m *Served) { m.Name = "" }) }},
		{"offer.models[0].name", "at most 48", func(o *Offer) { o.Models = served(func(m *Served) { m.Name = long(49) }) }},
		{"offer.models[0].context", "1 to 1048576", func(o *Offer) { o.Models = served(func(m *Served) { m.Context = 0 }) }},
		{"offer.models[0].context", "1 to 1048576", func(o *Offer) { o.Models = served(func(m *Served) { m.Context = 1<<20 + 1 }) }},
		{"offer.models[0].tick_units", "1 to", func(o *Offer) { o.Models = served(func(m *Served) { m.Tick = 0 }) }},
		{"offer.hardware.gpus", "at most 16", func(o *Offer) { o.Hardware.GPUs = make([]GPU, 17) }},
		{"offer.hardware.gpus.model[0]", "at most 128", func(o *Offer) { o.Hardware.GPUs[0].Model = long(129) }},
		{"offer.hardware.cpu", "at most 128", func(o *Offer) { o.Hardware.CPU = long(129) }},
		{"offer.tick_units", "1 to", func(o *Offer) { o.TickUnits = 0 }},
		{"offer.tick_units", "1 to", func(o *Offer) { o.TickUnits = MaxTickUnits + 1 }},
		{"offer.extensions", "at most 8", func(o *Offer) { o.Opt = exts(9) }},
		{"offer.extensions.name", "at most 128", func(o *Offer) { o.Opt = Extensions{long(129): nil} }},
		{"offer.extensions.big", "at most 1024", func(o *Offer) { o.Opt = Extensions{"big": make([]byte, MaxExtBytes+1)} }},
		{"offer", "at most 1024", func(o *Offer) { o.Opt = Extensions{"a": make([]byte, MaxExtBytes)} }},
	} {
		o := exampleOffer()
		c.past(&o)
		_, err := SignOffer(o, testKey("rig"))
		wantField(t, err, c.field, c.limit)
		body := must(Encode(o))
		if _, err := (SignedOffer{Offer: body}).Verify("local", epoch0); err == nil {
			t.Errorf("%s: an offer past its limit was verified", c.field)
		}
	}
}

func testMessageLimits(t *testing.T) {
	m := exampleMessages()
	for _, c := range []struct {
		field, limit string
		past         Message
	}{
		{"quote_request.spec", "at most 16384", with(m[0].(*QuoteRequest), func(m *QuoteRequest) { m.Spec = make([]byte, MaxSpecBytes+1) })},
		{"quote_request.unit", "§5.4", with(m[0].(*QuoteRequest), func(m *QuoteRequest) { m.Unit = "" })},
		{"quote_request.payer and signer", "not zero", with(m[0].(*QuoteRequest), func(m *QuoteRequest) { m.Payer = Address{} })},
		{"agreement.tick_units", "1 to", with(m[1].(*Quote), func(m *Quote) { m.Agreement.TickUnits = 0 })},
		{"refusal.reason", "at most 128", with(m[2].(*Refusal), func(m *Refusal) { m.Reason = Reason(long(129)) })},
		{"refusal.detail", "at most 512", with(m[2].(*Refusal), func(m *Refusal) { m.Detail = long(513) })},
		{"refusal.detail", "UTF-8", with(m[2].(*Refusal), func(m *Refusal) { m.Detail = "\xff" })},
		{"agreement.tick_units", "1 to", with(m[3].(*Accept), func(m *Accept) { m.Agreement.TickUnits = 0 })},
		{"status.state", "§6.1", with(m[4].(*Status), func(m *Status) { m.State = "sleeping" })},
		{"status.detail", "at most 512", with(m[4].(*Status), func(m *Status) { m.Detail = long(513) })},
		{"output.fd", "1 or 2", with(m[5].(*Output), func(m *Output) { m.FD = 0 })},
		{"output.fd", "1 or 2", with(m[5].(*Output), func(m *Output) { m.FD = 3 })},
		{"output.data", "at most 32768", with(m[5].(*Output), func(m *Output) { m.Data = make([]byte, MaxOutputChunk+1) })},
		{"receipt.seq", "1 to 1048576", with(m[6].(*ReceiptMsg), func(m *ReceiptMsg) { m.Receipt.Seq = 0 })},
		{"receipt.seq", "1 to 1048576", with(m[6].(*ReceiptMsg), func(m *ReceiptMsg) { m.Receipt.Seq = MaxReceiptCount + 1 })},
		{"voucher.job_paid", "at most the cumulative", with(m[7].(*VoucherMsg), func(m *VoucherMsg) { m.JobPaid = NewAmount(2_501) })},
		{"result.receipt", "a final receipt", with(m[8].(*Result), func(m *Result) { m.Receipt.Final = false })},
		{"result.outputs", "a CID", with(m[8].(*Result), func(m *Result) { m.Outputs = "files" })},
		{"result.size", "1073741824", with(m[8].(*Result), func(m *Result) { m.Size = MaxOutputBytes + 1 })},
		{"result.detail", "at most 512", with(m[8].(*Result), func(m *Result) { m.Detail = long(513) })},
		{"receipt.seq", "1 to", with(m[8].(*Result), func(m *Result) { m.Receipt.Seq = MaxReceiptCount + 1 })},
		{"checkpoint.cid", "a CID", with(m[12].(*Checkpoint), func(m *Checkpoint) { m.CID = "latest" })},
		{"checkpoint.size", "1073741824", with(m[12].(*Checkpoint), func(m *Checkpoint) { m.Size = MaxOutputBytes + 1 })},
		{"stop.reason", "at most 128", with(m[9].(*Stop), func(m *Stop) { m.Reason = Reason(long(129)) })},
	} {
		_, err := EncodeMessage(c.past)
		wantField(t, err, c.field, c.limit)
		body := must(Encode(c.past))
		if _, err = DecodeMessage(must(Encode(envelope{Version: Version, Type: c.past.Type(), Body: body}))); err == nil {
			t.Errorf("%T: %s was decoded past its limit", c.past, c.field)
		}
	}
	_, err := DecodeMessage(make([]byte, MaxFrame+1))
	wantField(t, err, "message", "at most 65536")
	body := must(Encode(m[9]))
	for _, v := range []uint8{0, 2, 255} {
		_, err = DecodeMessage(must(Encode(envelope{Version: v, Type: TypeStop, Body: body})))
		wantField(t, err, "message.version", "1")
	}
	for _, typ := range []MessageType{0, 14, 255} {
		_, err = DecodeMessage(must(Encode(envelope{Version: Version, Type: typ, Body: body})))
		wantField(t, err, "message.type", "§5.2")
	}
}

// with changes a copy of a message.
func with[T any](m *T, change func(*T)) *T {
	c := *m
	change(&c)
	return &c
}

func testIndexLimits(t *testing.T) {
	r := exampleIndexRequests()
	put, find := r[0], r[1]
	for _, c := range []struct {
		field, limit string
		past         IndexRequest
	}{
		{"index.version", "1", *with(&put, func(r *IndexRequest) { r.Version = 2 })},
		{"index", "exactly one", *with(&put, func(r *IndexRequest) { r.Find = find.Find })},
		{"index", "exactly one", *with(&put, func(r *IndexRequest) { r.Put = nil })},
		{"index.put.offer", "at most 1024", *with(&put, func(r *IndexRequest) { r.Put = &IndexPut{Offer: SignedOffer{Offer: make([]byte, 1025)}} })},
		{"index.find.limit", "1 to 64", *with(&find, func(r *IndexRequest) { r.Find = &IndexFind{Limit: 65} })},
		{"index.find.limit", "1 to 64", *with(&find, func(r *IndexRequest) { r.Find = &IndexFind{} })},
		{"filter", "at most 128", *with(&find, func(r *IndexRequest) { r.Find = &IndexFind{Limit: 1, Filter: Filter{Region: long(129)}} })},
		{"filter", "at most 128", *with(&find, func(r *IndexRequest) { r.Find = &IndexFind{Limit: 1, Filter: Filter{Unit: Unit(long(129))}} })},
		{"index.extensions", "at most 8", *with(&find, func(r *IndexRequest) { r.Opt = exts(9) })},
	} {
		_, err := DecodeIndexRequest(must(Encode(c.past)))
		wantField(t, err, c.field, c.limit)
	}
	reply := exampleIndexReply()
	for _, c := range []struct {
		field, limit string
		past         func(*IndexReply)
	}{
		{"index.version", "1", func(r *IndexReply) { r.Version = 0 }},
		{"index.status", "at most 128", func(r *IndexReply) { r.Status = IndexStatus(long(129)) }},
		{"index.detail", "at most 512", func(r *IndexReply) { r.Detail = long(513) }},
		{"index.offers", "at most 64", func(r *IndexReply) { r.Offers = make([]SignedOffer, 65) }},
		{"index.offers[0]", "at most 1024", func(r *IndexReply) { r.Offers = []SignedOffer{{Offer: make([]byte, 1025)}} }},
		{"index.closer", "at most 20", func(r *IndexReply) { r.Closer = make([]PeerHint, 21) }},
		{"index.closer[0].id", "at most 128", func(r *IndexReply) { r.Closer = []PeerHint{{ID: make([]byte, 129)}} }},
		{"index.closer[0].addrs", "at most 8", func(r *IndexReply) { r.Closer = []PeerHint{{Addrs: many(9, "a")}} }},
		{"index.closer[0].addrs[0]", "at most 128", func(r *IndexReply) { r.Closer = []PeerHint{{Addrs: []string{long(129)}}} }},
		{"index.skipped", "at most 32", func(r *IndexReply) { r.Skipped = make([]SkipCount, 33) }},
		{"index.skipped[0].detail", "at most 512", func(r *IndexReply) { r.Skipped[0].Detail = long(513) }},
	} {
		past := reply
		past.Skipped = append([]SkipCount{}, reply.Skipped...)
		c.past(&past)
		_, err := DecodeIndexReply(must(Encode(past)))
		wantField(t, err, c.field, c.limit)
	}
	_, err := DecodeIndexReply(make([]byte, MaxIndexFrame+1))
	wantField(t, err, "index reply", "at most 131072")
	_, err = DecodeIndexRequest(make([]byte, MaxIndexFrame+1))
	wantField(t, err, "index request", "at most 131072")
}

func testAgreementRules(t *testing.T) {
	for _, c := range []struct {
		field, limit string
		past         func(*Agreement)
	}{
		{"agreement.requester and rig", "not zero", func(a *Agreement) { a.Requester = Address{} }},
		{"agreement.requester and rig", "not zero", func(a *Agreement) { a.Rig = Address{} }},
		{"agreement.rig", "another key", func(a *Agreement) { a.Rig = a.Requester }},
		{"agreement.price.unit", "§5.4", func(a *Agreement) { a.Price.Unit = "hour" }},
		{"agreement.tick_units", "1 to", func(a *Agreement) { a.TickUnits = 0 }},
		{"agreement.tick_units", "1 to", func(a *Agreement) { a.TickUnits = MaxTickUnits + 1 }},
		{"agreement.accept_by", "10m", func(a *Agreement) { a.AcceptBy = a.QuotedAt - 1 }},
		{"agreement.accept_by", "10m", func(a *Agreement) { a.AcceptBy = a.QuotedAt + 600_001; a.Deadline = a.AcceptBy }},
		{"agreement.deadline", "not before accept_by", func(a *Agreement) { a.Deadline = a.AcceptBy - 1 }},
		{"agreement.max_total", "one unit", func(a *Agreement) { a.MaxTotal = NewAmount(2) }},
	} {
		a := exampleAgreement()
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
		c.past(&a)
		wantField(t, a.Check(), c.field, c.limit)
	}
}

// lengthOnly is a peer that announces a frame and then sends nothing.
type lengthOnly struct{ head []byte }

func (l *lengthOnly) Read(b []byte) (int, error) {
	if len(l.head) == 0 {
		return 0, errors.New("the payload was read")
	}
	n := copy(b, l.head)
	l.head = l.head[n:]
	return n, nil
}

func TestReadFrameRefusesLength(t *testing.T) {
	for _, head := range [][]byte{{0, 1, 0, 1}, {0x7f, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff}} {
		bounded(t, 4, func() {
			_, err := ReadFrame(&lengthOnly{head}, MaxFrame)
			wantField(t, err, "frame", "at most 65536 bytes")
		})
	}
	var out bytes.Buffer
	wantField(t, WriteFrame(&out, make([]byte, MaxFrame+1), MaxFrame), "frame", "at most 65536")
	if out.Len() != 0 {
		t.Errorf("%d bytes of a refused frame were written", out.Len())
	}
	if err := WriteFrame(&out, make([]byte, MaxFrame), MaxFrame); err != nil {
		t.Fatal(err)
	}
	whole := out.Bytes()
	if b, err := ReadFrame(bytes.NewReader(whole), MaxFrame); err != nil || len(b) != MaxFrame {
		t.Errorf("a frame at the limit: %d bytes, %v", len(b), err)
	}
	for _, n := range []int{0, 1, 3, 4, 100} {
		_, err := ReadFrame(bytes.NewReader(whole[:n]), MaxFrame)
		if n == 0 && !errors.Is(err, io.EOF) || n > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

func TestClipDetail(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"short", "short"}, {long(512), long(512)}, {long(513), long(509) + "…"},
		{strings.Repeat("é", 300), strings.Repeat("é", 254) + "…"}, {"a\xffb", "a\uFFFDb"},
	} {
		if got := ClipDetail(c.in); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
		if _, err := EncodeMessage(&Refusal{Reason: ReasonMalformed, Detail: ClipDetail(c.in)}); err != nil {
			t.Error(err)
		}
	}
}

// TestEndsFitTheirMessage: whatever a sandbox or a chain says, the end can be told.
func TestEndsFitTheirMessage(t *testing.T) {
	a := exampleAgreement()
	flood := strings.Repeat("\xff日", 1000)
	for _, ev := range []Event{FundingRefused{ReasonChannelClose, flood}, Exited{Units: 1, Reason: ReasonTrap, Detail: flood},
		Exited{Reason: ReasonRigError, Detail: flood}, StageFailed{ReasonStaging, flood}} {
		j, _ := NewJob(RoleRig, &a, exampleSpec(), epoch0)
		switch ev.(type) {
		case Exited:
			j.State = StateRunning
		case StageFailed:
			j.State = StateStaging
		}
		_, effects, err := j.Step(ev, epoch0.Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		told := false
		for _, e := range effects {
			switch e := e.(type) {
			case SendStatus:
				_, err = EncodeMessage(&Status{e.State, e.Reason, e.Detail})
				told = true
			case SendResult:
				_, err = EncodeMessage(&Result{Receipt: e.Receipt, Reason: e.Reason, Detail: e.Detail})
				told = true
			}
			if err != nil {
				t.Errorf("%T: %v", ev, err)
			}
		}
		if !told {
			t.Errorf("%T: nobody is told", ev)
		}
	}
}

// served is an offer's list of one model with one thing changed.
func served(change func(*Served)) []Served {
	m := Served{CID: exampleCID("model"), Name: "jargon", Context: 256, PerMillion: NewAmount(1), Tick: 64}
	change(&m)
	return []Served{m}
}

package protocol

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// runningRequester is a requester whose rig says that the job runs.
func runningRequester(t testing.TB) Job {
	t.Helper()
	a := exampleAgreement()
	j, _ := NewJob(RoleRequester, &a, exampleSpec(), epoch0)
	for _, ev := range []Event{ChannelReady{}, StatusIn{State: StateRunning}} {
		var err error
		if j, _, err = j.Step(ev, epoch0); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// TestReceiptRules: a receipt that breaks one rule of SPEC §7.3 pays nothing and
// ends the job; the detail names the field.
func TestReceiptRules(t *testing.T) {
	at := epoch0.Add(10 * time.Second)
	start := runningRequester(t)
	first := Receipt{Job: start.ID, Seq: 1, Units: 1000, Output: testHash("out")}
	j, effects, err := start.Step(ReceiptIn{first, first.Output}, at)
	if err != nil || !reflect.DeepEqual(effects, []Effect{SendVoucher{NewAmount(2500)}}) || j.Paid != NewAmount(2500) {
		t.Fatalf("a good receipt: %+v %+v %v", j, effects, err)
	}
	good := Receipt{Job: j.ID, Seq: 2, Units: 2000, Output: testHash("out 2"), Prev: first.Digest(j.Domain)}
	small := j
	small.MaxTotal = NewAmount(4_999)
	for _, c := range []struct {
		field  string
		j      Job
		change func(*Receipt)
		at     time.Time
	}{
		{"receipt.job", j, func(r *Receipt) { r.Job[0]++ }, at},
		{"receipt.seq", j, func(r *Receipt) { r.Seq = 1 }, at},
		{"receipt.seq", j, func(r *Receipt) { r.Seq = 3 }, at},
		{"receipt.prev", j, func(r *Receipt) { r.Prev = Hash{} }, at},
		{"receipt.units", j, func(r *Receipt) { r.Units = 999 }, at},
		{"receipt.units", j, func(r *Receipt) { r.Units = 1000 }, at},
		{"receipt.units", j, func(r *Receipt) { r.Units = 2001 }, at},
		{"receipt.units", j, func(r *Receipt) { r.Units = 1<<64 - 1 }, at},
		{"receipt.units", small, func(*Receipt) {}, at},
		{"receipt.units", j, func(*Receipt) {}, epoch0.Add(499 * time.Millisecond)},
		{"receipt.units", j, func(*Receipt) {}, epoch0.Add(-time.Hour)}, // the clock was set back
		{"receipt.final", j, func(r *Receipt) { r.Final = true }, at},
		{"receipt.output", j, func(r *Receipt) { r.Output[0]++ }, at},
	} {
		r := good
		c.change(&r)
		after, effects, err := c.j.Step(ReceiptIn{r, good.Output}, c.at)
		if err != nil || after.State != StateFailed || after.Reason != ReasonBadReceipt || after.Paid != c.j.Paid {
			t.Errorf("%s: %+v %v", c.field, after, err)
		}
		if len(after.Detail) < len(c.field) || after.Detail[:len(c.field)] != c.field {
			t.Errorf("detail %q, want %s named", after.Detail, c.field)
		}
		if !reflect.DeepEqual(effects, []Effect{Save{}, SendStop{ReasonBadReceipt}, Release{}}) {
			t.Errorf("%s: effects %+v", c.field, effects)
		}
	}
	if _, _, err := j.Step(ReceiptIn{good, good.Output}, epoch0.Add(500*time.Millisecond)); err != nil {
		t.Errorf("a receipt at the bound of plausible time: %v", err)
	}
	final := good
	after, _, err := j.Step(ResultIn{Receipt: final, Root: final.Output}, at)
	if err != nil || after.Reason != ReasonBadReceipt {
		t.Errorf("a result whose receipt is not final: %+v %v", after, err)
	}
}

// anyEvent draws an event of any kind; receipts are often good ones.
func anyEvent(t *rapid.T, j Job) Event {
	reason := Reason(rapid.SampledFrom([]string{"", "stopped", "peer_lost", "unpaid", "rig_error", "draining", "nonsense"}).Draw(t, "reason"))
	units := rapid.OneOf(rapid.Uint64Range(0, 5000), rapid.Uint64(), rapid.Just(j.Units+j.TickUnits)).Draw(t, "units")
	receipt := Receipt{Job: j.ID, Seq: j.Seq + 1, Prev: j.Prev, Units: units, Output: testHash("out"), Final: rapid.Bool().Draw(t, "final")}
	if rapid.IntRange(0, 4).Draw(t, "forge") == 0 {
		receipt.Seq += rapid.Uint64Range(0, 2).Draw(t, "seq")
		receipt.Prev = testHash(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "prev"))
	}
	state := rapid.SampledFrom([]State{StateQuoted, StateAgreed, StateFunded, StateQueued, StateStaging, StateRunning,
		StateFinished, StateVerified, StateSettled, StateRejected, StateFailed, StateCancelled, StateExpired, StateDisputed, ""}).Draw(t, "state")
	money := NewAmount(rapid.Uint64Range(0, 60_000).Draw(t, "money"))
	return rapid.SampledFrom([]Event{Tick{}, Tick{}, PeerGone{}, StopAsked{reason}, FundingSeen{money}, FundingRefused{reason, "x"}, SlotFree{},
		Staged{}, StageFailed{reason, "x"}, Measured{units, Hash{}}, Measured{units, Hash{}}, Exited{units, Hash{}, 1, reason, "x"},
		PaymentIn{money}, PaymentIn{j.Due}, StopIn{reason}, ChannelReady{}, ChannelFailed{reason, "x"}, StatusIn{state, reason, "x"},
		StatusIn{StateRunning, "", ""}, OutputIn{}, ReceiptIn{receipt, testHash("out")}, ReceiptIn{receipt, testHash("out")},
		ResultIn{receipt, testHash("out"), reason, "x"}, Checked{rapid.Bool().Draw(t, "ok"), "x"}, SettledIn{}, Violation{reason, "x"}}).Draw(t, "event")
}

// TestAnyEvents gives one side events in any order, from a peer that keeps no
// rule at all: whatever comes, money keeps its bounds, a refused event changes
// nothing and an end is an end.
func TestAnyEvents(t *testing.T) {
	for _, role := range []Role{RoleRig, RoleRequester} {
		t.Run(string(role), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				a := exampleAgreement()
				a.MaxTotal = NewAmount(rapid.Uint64Range(3, 60_000).Draw(t, "budget"))
				a.Price.Unit = rapid.SampledFrom([]Unit{UnitCPUMillis, UnitTokenOut}).Draw(t, "unit")
				now := epoch0
				j, _ := NewJob(role, &a, exampleSpec(), now)
				if role == RoleRequester && rapid.Bool().Draw(t, "running") {
					j = must3(j.Step(ChannelReady{}, now))
					j = must3(j.Step(StatusIn{State: StateRunning}, now))
				}
				if role == RoleRig && rapid.Bool().Draw(t, "running") {
					for _, ev := range []Event{FundingSeen{a.MaxTotal}, SlotFree{}, Staged{}} {
						j = must3(j.Step(ev, now))
					}
				}
				tick := must(a.Price.Cost(a.TickUnits))
				releases := 0
				for range rapid.IntRange(1, 40).Draw(t, "steps") {
					now = now.Add(time.Duration(rapid.Int64Range(0, 20_000).Draw(t, "ms")) * time.Millisecond)
					ev := anyEvent(t, j)
					next, effects, err := j.Step(ev, now)
					checkAny(t, j, next, effects, err, tick)
					for _, e := range effects {
						if _, ok := e.(Release); ok {
							releases++
						}
					}
					j = next
				}
				if j.Ended != (releases == 1) {
					t.Fatalf("ended %t, released %d times", j.Ended, releases)
				}
			})
		})
	}
}

func must3(j Job, _ []Effect, err error) Job { return must(j, err) }

func checkAny(t *rapid.T, before, after Job, effects []Effect, err error, tick Amount) {
	var refused *EventError
	if err != nil && (!errors.As(err, &refused) || after != before || effects != nil) {
		t.Fatalf("a refused event: %v, changed %t, effects %+v", err, after != before, effects)
	}
	if before.Ended && err == nil {
		t.Fatal("an event after the end")
	}
	cost, costErr := after.Price.Cost(after.Units)
	if costErr != nil || cost != after.Due || after.MaxTotal.Less(after.Due) {
		t.Fatalf("due is %s for %d units of a budget of %s (%v)", after.Due, after.Units, after.MaxTotal, costErr)
	}
	if after.Seq < before.Seq || after.Units < before.Units || after.Paid.Less(before.Paid) {
		t.Fatalf("something fell: %+v then %+v", before, after)
	}
	if after.Role == RoleRequester && after.Due.Less(after.Paid) {
		t.Fatalf("paid %s for %s", after.Paid, after.Due)
	}
	if after.Role == RoleRig && tick.Less(after.Due.Minus(after.Paid)) {
		t.Fatalf("%s due and %s paid is more than one tick", after.Due, after.Paid)
	}
	if !after.Ended && after.NextTimeout().IsZero() && after.Ending == ReasonNone {
		t.Fatalf("nothing ends a job in %s", after.State)
	}
	for _, e := range effects {
		if _, ok := e.(Resume); ok && after.Paid.Less(after.Due) {
			t.Fatal("resumed without pay")
		}
		if v, ok := e.(SendVoucher); ok && (v.Total != after.Paid || v.Total != after.Due) {
			t.Fatalf("voucher of %s for %s due", v.Total, after.Due)
		}
	}
}

// TestHeartbeatsDoNotHoldABudget: a rig that only says it is alive, in whatever
// state it likes to be, is given up on.
func TestHeartbeatsDoNotHoldABudget(t *testing.T) {
	for _, state := range []State{StateFunded, StateQueued, StateStaging, StateRunning} {
		a := exampleAgreement()
		j, _ := NewJob(RoleRequester, &a, exampleSpec(), epoch0)
		j = must3(j.Step(ChannelReady{}, epoch0))
		now := epoch0
		for !j.Ended && now.Before(epoch0.Add(time.Hour)) {
			now = now.Add(Heartbeat)
			j = must3(j.Step(StatusIn{State: state}, now))
			if !j.NextTimeout().After(now) {
				j = must3(j.Step(Tick{}, now))
			}
		}
		if !j.Ended || !j.Reason.RigFault() || !j.Paid.IsZero() {
			t.Errorf("heartbeats in %s: %+v", state, j)
		}
	}
}

// TestStatusOutOfPlace: a status cannot take the job back or make it done.
func TestStatusOutOfPlace(t *testing.T) {
	running := runningRequester(t)
	for _, state := range []State{StateQuoted, StateAgreed, StateFunded, StateQueued, StateStaging, StateFinished, StateVerified, StateSettled, StateDisputed} {
		after, effects, err := running.Step(StatusIn{State: state}, epoch0.Add(time.Second))
		var refused *EventError
		if !errors.As(err, &refused) || after != running || effects != nil {
			t.Errorf("%s while running: %v, %+v", state, err, effects)
		}
	}
}

// TestRestarted: what was under way is over, what was paid for stays so (SPEC §6.6).
func TestRestarted(t *testing.T) {
	running := runningRequester(t)
	for _, c := range []struct {
		role      Role
		state     State
		due, paid uint64
		want      State
		reason    Reason
	}{
		{RoleRequester, StateQuoted, 0, 0, StateFailed, ReasonRestart}, {RoleRequester, StateRunning, 5, 5, StateFailed, ReasonRestart},
		{RoleRequester, StateFinished, 5, 5, StateFailed, ReasonRestart}, {RoleRequester, StateVerified, 5, 5, StateVerified, ReasonNoSettle},
		{RoleRig, StateAgreed, 0, 0, StateFailed, ReasonRestart}, {RoleRig, StateRunning, 5, 5, StateFailed, ReasonRestart},
		{RoleRig, StateFinished, 5, 4, StateFailed, ReasonRestart}, {RoleRig, StateFinished, 5, 5, StateSettled, ReasonNone},
	} {
		j := running
		j.Role, j.State, j.Due, j.Paid = c.role, c.state, NewAmount(c.due), NewAmount(c.paid)
		after := j.Restarted()
		if after.State != c.want || after.Reason != c.reason || !after.Ended || after.Due != j.Due || after.Paid != j.Paid {
			t.Errorf("%s in %s: %+v", c.role, c.state, after)
		}
		if again := after.Restarted(); again != after {
			t.Errorf("%s in %s: a second restart changes it", c.role, c.state)
		}
	}
}

// TestReasonFault is SPEC §6.5: after a rig's fault the requester tries the next
// rig, after the job's or its own it does not.
func TestReasonFault(t *testing.T) {
	for _, r := range []Reason{ReasonPeerLost, ReasonSilent, ReasonRigError, ReasonRestart, ReasonStaging, ReasonTimeout, ReasonBadReceipt,
		ReasonBadResult, ReasonUnreachable, ReasonBusy, ReasonDraining, ReasonQuoteExpired, ReasonOfferExpired, ReasonPriceFloor, ReasonResources,
		ReasonEngine, ReasonEgress, ReasonMarket, ReasonChainDown, ReasonVersion, ReasonMalformed, ReasonBadSignature, ReasonNetwork,
		ReasonUnderfunded, ReasonChannelClose, ReasonUnpaid} {
		if !r.RigFault() {
			t.Errorf("%s ends the run, another rig might have done it", r)
		}
	}
	for _, r := range []Reason{ReasonNone, ReasonStopped, ReasonTrap, ReasonMemory, ReasonStdout, ReasonOutput, ReasonBadModule, ReasonDeadline,
		ReasonBudget, ReasonBadVoucher, ReasonJournal, ReasonChannelOpen, ReasonNoOffers, ReasonNoSettle, ReasonOverBudget} {
		if r.RigFault() {
			t.Errorf("%s sends the job to another rig, where it would end the same way", r)
		}
	}
}

// TestRecordComesBack: what the journal keeps is read back as it was.
func TestRecordComesBack(t *testing.T) {
	a, first := exampleAgreement(), exampleReceipt()
	spec, c, err := EncodeSpec(exampleSpec())
	if err != nil {
		t.Fatal(err)
	}
	r := Record{Job: runningRequester(t), Name: "a job", Peer: "16Uiu2", Spec: spec, SpecCID: c.String(), Agreement: a, Channel: exampleChannel(),
		Epoch: 3, RigSig: sign(testKey("rig"), a.ID()), PayerSig: sign(testKey("requester"), a.ID()), Receipt: first,
		RcptSig: sign(testKey("rig"), first.Digest(a.Domain)), Outputs: exampleCID("out"), OutSize: 5, Created: 1, Updated: 2, Attempt: 1, Run: testHash("run")}
	r.Job.Detail, r.Job.Paused, r.Job.Confirmed = "why", true, true
	var back Record
	if err := Decode(must(Encode(r)), &back); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("got %+v (%v), want %+v", back, err, r)
	}
}

// TestMismatches: every reason why an offer does not fit is listed (SPEC §4.4).
func TestMismatches(t *testing.T) {
	o := exampleOffer()
	if m := (&Filter{}).Mismatches(&o); m != nil {
		t.Errorf("the empty filter: %v", m)
	}
	good := exampleIndexRequests()[1].Find.Filter
	if m := good.Mismatches(&o); m != nil {
		t.Errorf("a filter that fits: %v", m)
	}
	other := o.Markets[0]
	other.Domain.ChainID++
	for _, c := range []struct {
		want string
		f    Filter
	}{
		{`engine: engine "model" not in [wasm]`, Filter{Engine: "model"}},
		{"engine: model bafy not served", Filter{Model: "bafy"}},
		{`region: region "eu", not "us"`, Filter{Region: "us"}},
		{"resources: VRAM 8 GiB < 12 GiB", Filter{MinVRAMMiB: 12 << 10}},
		{"resources: memory 16 GiB < 16385 MiB", Filter{MinMemMiB: 16<<10 + 1}},
		{"resources: disk 100 GiB < 101 GiB", Filter{MinDiskMiB: 101 << 10}},
		{"resources: CPUs 8 < 9", Filter{MinCores: 9}},
		{"busy: free slots 1 < 2", Filter{MinFree: 2}},
		{"egress: egress not allowed", Filter{Egress: true}},
		{"market: does not take token " + other.Token.String() + " on chain 31338", Filter{Market: &other}},
		{"engine: no price for gpu_ms", Filter{Unit: UnitGPUMillis}},
		{"price_floor: price 2500000 > 2499999 per million cpu_ms", Filter{Unit: UnitCPUMillis, MaxPrice: NewAmount(2_499_999)}},
	} {
		m := c.f.Mismatches(&o)
		if len(m) != 1 || m[0].String() != c.want {
			t.Errorf("got %v, want %s", m, c.want)
		}
	}
	if m := (&Filter{Region: "us", Egress: true, MinFree: 2}).Mismatches(&o); len(m) != 3 {
		t.Errorf("three reasons, %d listed", len(m))
	}
}

func TestCells(t *testing.T) {
	for mib, class := range map[uint32]int{0: 0, 4095: 0, 4096: 1, 6 << 10: 2, 8 << 10: 3, 12<<10 - 1: 3, 12 << 10: 4, 16 << 10: 5, 24 << 10: 6, 1<<32 - 1: 6} {
		if got := VRAMClass(mib); got != class {
			t.Errorf("%d MiB are class %d, want %d", mib, got, class)
		}
	}
	keys := map[Hash]bool{}
	for _, network := range []string{"local", "main"} {
		for _, seed := range []Hash{{}, testHash("seed")} {
			for class := range 2 {
				for shard := range uint32(2) {
					for salt := range uint8(2) {
						keys[CellKey(network, seed, class, shard, salt)] = true
					}
				}
			}
		}
	}
	if len(keys) != 32 {
		t.Errorf("%d keys for 32 cells", len(keys))
	}
}

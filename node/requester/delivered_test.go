package requester

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const modelCID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"

// TestReceiptBeyondWhatCame: a receipt of a session with a served model is paid up to a
// tick beyond what its user had, may be ahead of the user's word for 5 s, and is refused
// then (SPEC §7.3). Other jobs' receipts need no such word.
func TestReceiptBeyondWhatCame(t *testing.T) {
	const tick = 10
	begin := func(t *testing.T, spec protocol.JobSpec) *session {
		run, err := newRun(Order{Spec: spec}, t.TempDir(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		s := &session{parent: run, spec: &spec, done: make(chan struct{})}
		s.rec.Agreement.TickUnits = tick
		return s
	}
	served := protocol.ServedSpec(modelCID, protocol.Limits{RunMillis: 1})
	for name, c := range map[string]struct {
		spec  protocol.JobSpec
		units uint64
		had   []uint64 // told a second apart
		after time.Duration
		paid  bool
	}{
		"a tick ahead":            {served, tick, nil, 0, true},
		"more than a tick":        {served, tick + 1, nil, deliveredWait, false},
		"told in time":            {served, 3 * tick, []uint64{tick, 2 * tick}, 2 * time.Second, true},
		"told too little":         {served, 3 * tick, []uint64{tick, 2*tick - 1}, deliveredWait, false},
		"taken back":              {served, 3 * tick, []uint64{2 * tick, 0}, time.Second, true},
		"more than the rig bills": {served, tick, []uint64{1 << 60}, 0, true},
		"all of 64 bits":          {served, 1<<64 - 1, nil, deliveredWait, false},
		"a container":             {protocol.JobSpec{Kind: protocol.KindService, Engine: protocol.EngineContainer}, 99 * tick, nil, 0, true},
		"a task of a model":       {protocol.JobSpec{Kind: protocol.KindTask, Engine: protocol.EngineModel}, 99 * tick, nil, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, began := begin(t, c.spec), time.Now()
				told := make(chan struct{})
				go func() {
					defer close(told)
					for _, units := range c.had {
						time.Sleep(time.Second)
						s.parent.Delivered(units)
					}
				}()
				short := s.covered(c.units)
				if took := time.Since(began); (short == nil) != c.paid || took != c.after {
					t.Errorf("after %v: %+v", took, short)
				}
				if v, ok := short.(protocol.Violation); short != nil && (!ok || v.Reason != protocol.ReasonBadReceipt) {
					t.Errorf("refused as %+v", short)
				}
				<-told
			})
		})
	}
	t.Run("the job is over", func(t *testing.T) {
		s := begin(t, served)
		close(s.done)
		if short := s.covered(99 * tick); short != nil {
			t.Errorf("refused as %+v", short)
		}
	})
}

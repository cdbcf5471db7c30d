package requester

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// session is one attempt at a run, from the rig's quote to settled: it feeds
// events to the lifecycle and performs its effects. rec is touched by the loop's
// goroutine only.
type session struct {
	r        *Requester
	parent   *Run
	st       Stream
	spec     *protocol.JobSpec
	id       protocol.Hash
	log      *slog.Logger
	rec      protocol.Record
	before   protocol.Amount     // spent by earlier attempts
	events   chan protocol.Event // closed by nobody; post gives up when done is closed
	done     chan struct{}       // closed by run when the loop is over
	work     sync.WaitGroup      // reader, funding, checking
	funded   funding             // set before ChannelReady is posted
	result   protocol.Result     // set by the reader, once, before ResultIn
	promised protocol.Amount     // by vouchers in the journal
	voucher  *protocol.Voucher   // booked and not yet sent
	closing  <-chan struct{}     // closed when the node shuts down
}

func newSession(r *Requester, run *Run, q *quoted, raw []byte, specCID string, attempt int) *session {
	now := r.cfg.Clock()
	a := q.quote.Agreement
	job, _ := protocol.NewJob(protocol.RoleRequester, &a, &run.order.Spec, now)
	s := &session{r: r, parent: run, st: q.st, spec: &run.order.Spec, id: job.ID,
		events: make(chan protocol.Event, 64), done: make(chan struct{})}
	s.rec = protocol.Record{Job: job, Name: run.order.Name, Peer: q.st.Peer(), Spec: raw, SpecCID: specCID,
		Agreement: a, Channel: q.quote.Channel, RigSig: q.quote.RigSig, Created: uint64(now.UnixMilli()),
		Attempt: uint32(attempt), Run: run.id}
	s.log = r.cfg.Logger.With("job", job.ID.Short(), "rig", a.Rig)
	status, _ := run.Status()
	s.before = status.Spent
	run.update(func(st *Status) {
		st.Job, st.Rig, st.Peer, st.Price, st.Attempt = job.ID, a.Rig, s.rec.Peer, a.Price, attempt
		st.State, st.Units = job.State, 0
	})
	return s
}

func (s *session) post(ev protocol.Event) {
	select {
	case s.events <- ev:
	case <-s.done:
	}
}

// run drives the attempt to its end and returns when everything it started is gone.
func (s *session) run(outer context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(outer)) // a shutdown stops the job first
	s.closing = outer.Done()
	defer func() {
		close(s.done)
		cancel()
		s.st.Reset() // ends the reader; does nothing after Close
		s.work.Wait()
		if s.rec.PayerSig == (protocol.Signature{}) { // funding may have come after the end
			if err := s.r.cfg.Book.Release(context.WithoutCancel(outer), s.id); err != nil {
				s.log.Warn("budget still reserved", "err", err)
			}
		}
	}()
	s.perform(ctx, []protocol.Effect{protocol.Fund{}})
	timeout := time.NewTimer(0)
	defer timeout.Stop()
	stopping := (<-chan struct{})(s.parent.stop)
	for !s.rec.Job.Ended {
		if at := s.rec.Job.NextTimeout(); !at.IsZero() {
			timeout.Reset(at.Sub(s.r.cfg.Clock()))
		}
		select {
		case ev := <-s.events:
			s.step(ctx, ev)
		case <-timeout.C:
			s.step(ctx, protocol.Tick{})
		case <-stopping:
			stopping = nil
			s.step(ctx, protocol.StopAsked{Reason: protocol.ReasonStopped})
		}
	}
	s.publish()
}

func (s *session) step(ctx context.Context, ev protocol.Event) {
	before := s.rec.Job
	if st, ok := ev.(protocol.StatusIn); ok {
		ev = s.believable(st)
	}
	job, effects, err := before.Step(ev, s.r.cfg.Clock())
	if err != nil {
		if !before.Ended && fromRig(ev) { // SPEC §5.2: a message out of place ends the job
			s.step(ctx, protocol.Violation{Reason: protocol.ReasonMalformed, Detail: err.Error()})
			return
		}
		s.log.Debug("event ignored", "err", err)
		return
	}
	s.rec.Job = job
	if _, ok := ev.(protocol.ChannelReady); ok {
		s.rec.Epoch, s.rec.PayerSig = s.funded.epoch, s.funded.sig
	}
	if job.State != before.State {
		s.phase(before.State)
		s.log.Debug("job "+string(job.State), "reason", job.Reason, "detail", job.Detail)
	}
	s.perform(ctx, effects)
	if job.State != before.State || job.Units != before.Units || job.Paid != before.Paid {
		s.publish()
	}
}

// fromRig tells the rig's messages from our own events, which may merely be late.
func fromRig(ev protocol.Event) bool {
	switch ev.(type) {
	case protocol.StatusIn, protocol.OutputIn, protocol.ReceiptIn, protocol.ResultIn, protocol.SettledIn:
		return true
	}
	return false
}

// believable blames the rig where it ends a job for a reason that it cannot have:
// the program's faults come with a result, and only we can ask for a stop.
func (s *session) believable(ev protocol.StatusIn) protocol.StatusIn {
	switch ev.State {
	case protocol.StateRejected, protocol.StateFailed, protocol.StateCancelled, protocol.StateExpired:
	default:
		return ev
	}
	switch r := ev.Reason; {
	case r.RigFault():
	case r == protocol.ReasonOverBudget, r == protocol.ReasonUnderfunded, r == protocol.ReasonChannelClose,
		r == protocol.ReasonUnpaid, r == protocol.ReasonBadVoucher, r == protocol.ReasonRegion, r == protocol.ReasonInputTooBig:
	case r == protocol.ReasonStopped && s.rec.Job.Ending != protocol.ReasonNone:
	default:
		ev.Reason, ev.Detail = protocol.ReasonRigError, fmt.Sprintf("the rig ended the job (%s: %s)", r, ev.Detail)
	}
	return ev
}

// phase books the time of the state that just ended under the name users see.
func (s *session) phase(ended protocol.State) {
	name := map[protocol.State]string{protocol.StateQuoted: "funding", protocol.StateFunded: "accept",
		protocol.StateQueued: "queue", protocol.StateStaging: "staging", protocol.StateRunning: "run",
		protocol.StateFinished: "verify", protocol.StateVerified: "settle"}[ended]
	s.parent.phase(name, s.r.cfg.Clock())
}

// publish shows the job's state to the run's followers.
func (s *session) publish() {
	j := s.rec.Job
	s.parent.update(func(st *Status) {
		st.State, st.Reason, st.Detail, st.ExitCode = j.State, j.Reason, j.Detail, j.ExitCode
		st.Units, st.Outputs = j.Units, s.rec.Outputs
		if spent, err := s.before.Add(j.Paid); err == nil {
			st.Spent = spent
		}
	})
}

func (s *session) perform(ctx context.Context, effects []protocol.Effect) {
	for i, e := range effects {
		if err := s.effect(ctx, e, effects[i+1:]); err != nil {
			s.log.Warn("job cannot go on", "err", err)
			s.abort(ctx, err)
			return
		}
	}
}

func (s *session) effect(ctx context.Context, e protocol.Effect, next []protocol.Effect) error {
	switch e := e.(type) {
	case protocol.Save:
		return s.save(ctx, next)
	case protocol.Fund:
		s.work.Go(func() { s.post(s.fund(ctx)) })
	case protocol.SendAccept:
		return s.sendAccept()
	case protocol.SendVoucher:
		return s.sendVoucher(ctx, e.Total)
	case protocol.SendStop:
		s.tell(&protocol.Stop{Reason: e.Reason})
	case protocol.CheckResult:
		if err := s.parent.trim(); err != nil {
			return err
		}
		s.rec.Outputs, s.rec.OutSize = s.result.Outputs, s.result.Size
		s.rec.Receipt, s.rec.RcptSig = s.result.Receipt, s.result.Signature
		s.work.Go(func() { s.post(s.check(ctx)) })
	case protocol.Release: // the money went with the record
		s.unshare()
		_ = s.st.Close() // the job is over; a broken stream changes nothing
	}
	return nil
}

// tell sends a message; if the stream is broken the reader reports it.
func (s *session) tell(m protocol.Message) {
	if err := s.st.Send(m); err != nil {
		s.log.Debug("message not sent", "err", err)
	}
}

func (s *session) unshare() {
	for _, cid := range artifactsOf(s.spec) {
		s.r.cfg.Artifacts.Unshare(cid, s.rec.Peer)
	}
}

// abort ends the attempt when our own journal or key failed, or the channel was
// closed under us: nothing more is promised.
func (s *session) abort(ctx context.Context, err error) {
	if s.rec.Job.Ended {
		return
	}
	s.rec.Job.State, s.rec.Job.Ended, s.rec.Job.Paid = protocol.StateFailed, true, s.promised
	s.rec.Job.Reason, s.rec.Job.Detail = protocol.ReasonJournal, protocol.ClipDetail(err.Error())
	s.tell(&protocol.Stop{Reason: protocol.ReasonJournal})
	_ = s.st.Close() // best effort: we are the ones who failed
	s.unshare()
	if err := s.r.cfg.Book.PutAndRelease(ctx, s.rec); err != nil {
		s.log.Warn("job's end not journaled, the next start will", "err", err)
	}
}

// sendAccept countersigns; the record with both signatures was saved with them.
func (s *session) sendAccept() error {
	s.work.Go(s.read)
	s.tell(&protocol.Accept{Agreement: s.rec.Agreement, Channel: s.rec.Channel, Epoch: s.rec.Epoch,
		RigSig: s.rec.RigSig, PayerSig: s.rec.PayerSig})
	return nil
}

// read turns the rig's messages into events until the stream ends.
func (s *session) read() {
	hash := protocol.NewOutputHash()
	var total uint64
	for {
		m, err := s.st.Recv()
		if err != nil {
			s.post(streamEnd(err))
			return
		}
		switch m := m.(type) {
		case *protocol.Output:
			if total += uint64(len(m.Data)); total > s.spec.Limits.StdoutBytes || len(m.Data) == 0 || s.result.Receipt.Final {
				s.post(protocol.Violation{Reason: protocol.ReasonMalformed,
					Detail: "rig sent more output than the job may write, an empty chunk, or output after the result"})
				return
			}
			hash.Add(m.FD, m.Data)
			if err := s.parent.write(m.FD, m.Data); err != nil {
				s.post(protocol.Violation{Reason: protocol.ReasonJournal, Detail: err.Error()})
				return
			}
			s.post(protocol.OutputIn{})
		default:
			if ev := s.event(m, hash.Sum()); ev != nil {
				s.post(ev)
				continue
			}
			s.post(protocol.Violation{Reason: protocol.ReasonMalformed, Detail: "message out of place"})
			return
		}
	}
}

// event translates a message; nil for one a rig may not send here.
func (s *session) event(m protocol.Message, output protocol.Hash) protocol.Event {
	signed := func(r *protocol.Receipt, sig protocol.Signature) error {
		_, err := protocol.CheckSignature("receipt.signature", r.Digest(s.rec.Agreement.Domain), sig, s.rec.Agreement.Rig)
		return err
	}
	switch m := m.(type) {
	case *protocol.Status:
		return protocol.StatusIn{State: m.State, Reason: m.Reason, Detail: m.Detail}
	case *protocol.Refusal:
		return protocol.StatusIn{State: protocol.StateRejected, Reason: m.Reason, Detail: m.Detail}
	case *protocol.ReceiptMsg:
		if err := signed(&m.Receipt, m.Signature); err != nil {
			return protocol.Violation{Reason: protocol.ReasonBadReceipt, Detail: err.Error()}
		}
		return protocol.ReceiptIn{Receipt: m.Receipt, Output: output}
	case *protocol.Result:
		if err := signed(&m.Receipt, m.Signature); err != nil {
			return protocol.Violation{Reason: protocol.ReasonBadReceipt, Detail: err.Error()}
		}
		if s.result.Receipt.Final {
			return nil
		}
		s.result = *m
		return protocol.ResultIn{Receipt: m.Receipt, Root: protocol.ResultRoot(output, m.Outputs), Reason: m.Reason, Detail: m.Detail}
	case *protocol.Settled:
		return protocol.SettledIn{}
	}
	return nil
}

// streamEnd tells a rig that left from one that sent rubbish.
func streamEnd(err error) protocol.Event {
	var bad interface{ Reason() protocol.Reason }
	if errors.As(err, &bad) {
		return protocol.Violation{Reason: bad.Reason(), Detail: err.Error()}
	}
	return protocol.PeerGone{}
}

// check fetches and verifies the output files (SPEC §7.3).
func (s *session) check(ctx context.Context) protocol.Event {
	if s.result.Outputs == "" {
		return protocol.Checked{OK: true}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the function: a rig that serves slowly must not hold up a shutdown
		select {
		case <-s.closing:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(shutdownWait):
			cancel()
		case <-ctx.Done():
		}
	}()
	err := s.r.cfg.Artifacts.FetchDir(ctx, s.result.Outputs, filepath.Join(s.parent.dir, "out"),
		s.spec.Limits.OutputBytes, int(s.spec.Limits.OutputFiles), s.rec.Peer)
	if err != nil {
		return protocol.Checked{Detail: err.Error()}
	}
	return protocol.Checked{OK: true}
}

// artifactsOf lists the CIDs a rig must fetch from us to run a job.
func artifactsOf(spec *protocol.JobSpec) []string {
	cids := []string{spec.Module}
	for _, in := range spec.Inputs {
		cids = append(cids, in.CID)
	}
	return cids
}

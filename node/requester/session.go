package requester

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// session is one attempt at a run, from the rig's quote to settled: it feeds
// events to the lifecycle and performs its effects. rec is touched by the loop's
// goroutine only.
type session struct {
	r           *Requester
	parent      *Run
	st          Stream
	quote       *quoted
	spec        *protocol.JobSpec
	id          protocol.Hash
	log         *slog.Logger
	rec         protocol.Record
	before      protocol.Amount     // spent by earlier attempts
	events      chan protocol.Event // closed by nobody; post gives up when done is closed
	done        chan struct{}       // closed by run when the loop is over
	work        sync.WaitGroup      // reader, funding, checking
	funded      funding             // set before ChannelReady is posted
	result      protocol.Result     // set by the reader, once, before ResultIn
	stream      protocol.Hash       // of the output, set with result
	evidence    protocol.Evidence   // owner: the reader, and check once the result is in
	files       string              // CID, set by check before Checked is posted
	promised    protocol.Amount     // by vouchers in the journal
	voucher     *protocol.Voucher   // booked and not yet sent
	shared      []string            // with the rig; owner: fund, then run
	closing     <-chan struct{}     // closed when the node shuts down
	checkpoints newest              // from the reader to its fetcher
	ran         bool                // the program was running; owner: the loop, then run's caller
}

func newSession(r *Requester, run *Run, q *quoted, spec *protocol.JobSpec, raw []byte, specCID string, attempt int) *session {
	now := r.cfg.Clock()
	a := q.quote.Agreement
	job, _ := protocol.NewJob(protocol.RoleRequester, &a, spec, now)
	s := &session{r: r, parent: run, st: q.st, quote: q, spec: spec, id: job.ID, checkpoints: newest{wake: make(chan struct{}, 1)},
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
		for _, cid := range s.shared {
			s.r.cfg.Artifacts.Unshare(cid, s.rec.Peer)
		}
	}()
	if s.spec.Limits.CheckpointMillis > 0 {
		s.work.Go(func() { s.fetchCheckpoints(ctx) })
	}
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
	s.ran = s.ran || job.State == protocol.StateRunning
	if _, ok := ev.(protocol.ChannelReady); ok {
		s.rec.Epoch, s.rec.PayerSig = s.funded.epoch, s.funded.sig
		effects = slices.DeleteFunc(effects, func(e protocol.Effect) bool { return e == protocol.Save{} }) // went with the reservation
	}
	if _, ok := ev.(protocol.Checked); ok {
		s.rec.Files = s.files
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
		rec := s.rec
		s.work.Go(func() { s.post(s.fund(ctx, rec)) })
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
		s.rec.Outputs, s.rec.OutSize, s.rec.Stream = s.result.Outputs, s.result.Size, s.stream
		s.rec.Receipt, s.rec.RcptSig = s.result.Receipt, s.result.Signature
		s.work.Go(func() { s.post(s.check(ctx)) })
	case protocol.Release: // the money went with the record
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
	s.keepOutput()
	if err := s.r.cfg.Book.PutAndRelease(ctx, s.rec); err != nil {
		s.log.Warn("job's end not journaled yet", "err", err)
	}
}

// sendAccept sends what was countersigned; the record with both signatures is durable.
func (s *session) sendAccept() error {
	s.work.Go(s.read)
	s.tell(&protocol.Accept{Agreement: s.rec.Agreement, Channel: s.rec.Channel, Epoch: s.rec.Epoch,
		RigSig: s.rec.RigSig, PayerSig: s.rec.PayerSig, JobKey: s.parent.order.Key, LinkKey: s.parent.order.gang.linkKey()})
	if g := s.parent.order.gang; g != nil {
		member := protocol.LinkMember{Peer: s.rec.Peer, Addrs: s.quote.offer.Addrs, Job: s.id}
		s.work.Go(func() { g.agree(int(s.spec.Link.Rank), member, s.tell) })
	}
	return nil
}

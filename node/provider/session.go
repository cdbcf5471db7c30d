package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// session is one job on the rig from accept to end: it feeds events to the
// lifecycle and performs its effects. All fields but those of out and events are
// touched by the loop's goroutine only.
type session struct {
	p        *Provider
	id       protocol.Hash
	st       Stream
	spec     *protocol.JobSpec
	log      *slog.Logger
	rec      protocol.Record
	dir      string                    // the job's outputs
	events   chan protocol.Event       // closed by nobody; post gives up when done is closed
	paid     chan *protocol.VoucherMsg // unbuffered: what the reader posts after one is later than it
	done     chan struct{}             // closed by run when the loop is over
	work     sync.WaitGroup            // reader, funding, staging, sandbox
	cancel   context.CancelFunc        // ends work
	booked   bool                      // the job is in the journal
	reserved bool                      // by funding; owner: funding, then the loop with its event, then run
	ticket   *ticket
	key      protocol.JobKey            // opens and seals; in no record
	linkKey  protocol.LinkKey           // of the job's private link; in no record
	members  chan []protocol.LinkMember // of that link, once they are known; capacity 1
	told     bool                       // they are known; owner: read
	inputs   staged
	unpin    []func() // artifacts in use; owner: staging, then run
	runner   Run
	dials    dials // into a service
	out      *outbox
	result   protocol.Result // what Exited found, for SendResult
}

func newSession(p *Provider, st Stream, spec *protocol.JobSpec, raw []byte, acc *protocol.Accept) *session {
	now := p.cfg.Clock()
	job, _ := protocol.NewJob(protocol.RoleRig, &acc.Agreement, spec, now)
	c, _ := protocol.SpecCID(raw) // the spec decoded, so it hashes
	s := &session{p: p, id: job.ID, st: st, spec: spec, events: make(chan protocol.Event, 64),
		paid: make(chan *protocol.VoucherMsg), done: make(chan struct{}),
		dir: filepath.Join(p.cfg.WorkDir, job.ID.String()[2:18])}
	s.rec = protocol.Record{Job: job, Peer: st.Peer(), Spec: raw, SpecCID: c.String(), Agreement: acc.Agreement,
		Channel: acc.Channel, Epoch: acc.Epoch, RigSig: acc.RigSig, PayerSig: acc.PayerSig,
		Created: uint64(now.UnixMilli()), Attempt: 1}
	s.key, s.linkKey, s.members = acc.JobKey, acc.LinkKey, make(chan []protocol.LinkMember, 1)
	s.log = p.cfg.Logger.With("job", job.ID.Short())
	s.out = newOutbox(st)
	return s
}

// inDir is where the job's inputs are.
func (s *session) inDir() string { return s.dir + "-in" }

// post gives the loop an event; after the end it is dropped.
func (s *session) post(ev protocol.Event) {
	select {
	case s.events <- ev:
	case <-s.done:
	}
}

// run drives the job to its end and returns when everything it started is gone.
func (s *session) run(parent context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent)) // a shutdown bills first, then ends
	s.cancel = cancel
	sent := make(chan struct{}) // closed by the sender
	defer func() {
		close(s.done)
		cancel()
		s.out.close()
		<-sent
		s.st.Reset() // ends the reader; does nothing after Close
		s.work.Wait()
		if s.reserved && !s.booked { // the chain answered when the job had ended
			if err := s.p.cfg.Book.PutAndRelease(context.WithoutCancel(parent), s.rec); err != nil {
				s.log.Warn("budget not released yet", "err", err)
			}
		}
		for _, f := range s.unpin {
			f()
		}
		for _, dir := range []string{s.dir, s.inDir(), s.moduleFile()} {
			if err := os.RemoveAll(dir); err != nil {
				s.log.Warn("scratch not removed", "dir", dir, "err", err)
			}
		}
		s.p.cfg.Changed()
	}()
	go func() {
		defer close(sent)
		if !s.out.run() {
			s.post(protocol.PeerGone{})
		}
	}()
	s.work.Go(s.read)
	s.open(ctx)
	s.loop(ctx, parent.Done())
}

func (s *session) loop(ctx context.Context, stopping <-chan struct{}) {
	sample := time.NewTicker(sampleEvery)
	defer sample.Stop()
	beat := time.NewTicker(protocol.Heartbeat)
	defer beat.Stop()
	timeout := time.NewTimer(0)
	defer timeout.Stop()
	var leave <-chan time.Time
	for !s.rec.Job.Ended {
		if at := s.rec.Job.NextTimeout(); !at.IsZero() {
			timeout.Reset(at.Sub(s.p.cfg.Clock()))
		}
		var sampling <-chan time.Time
		if s.rec.Job.State == protocol.StateRunning && !s.rec.Job.Paused {
			sampling = sample.C
		}
		select {
		case ev := <-s.events:
			s.step(ctx, ev)
		case m := <-s.paid:
			s.credit(ctx, m)
		case <-sampling:
			s.measure(ctx)
		case <-beat.C:
			s.out.tell(&protocol.Status{State: s.rec.Job.State})
		case <-timeout.C:
			s.step(ctx, protocol.Tick{})
		case <-stopping:
			stopping = nil
			s.step(ctx, protocol.StopAsked{Reason: protocol.ReasonDraining})
			leave = time.After(protocol.PaymentGrace)
		case <-leave: // the node goes; a requester that has not paid by now is not waited for
			s.step(ctx, protocol.PeerGone{})
		}
	}
}

// step applies one event and performs what follows.
func (s *session) step(ctx context.Context, ev protocol.Event) {
	job, effects, err := s.rec.Job.Step(ev, s.p.cfg.Clock())
	if err != nil {
		s.log.Debug("event ignored", "err", err)
		return
	}
	if _, ok := ev.(protocol.FundingSeen); ok {
		s.booked = s.booked || s.reserved
	}
	s.enter(ctx, job, effects)
}

func (s *session) enter(ctx context.Context, job protocol.Job, effects []protocol.Effect) {
	before := s.rec.Job.State
	s.rec.Job = job
	if job.State != before {
		s.log.Info("job "+string(job.State), "reason", job.Reason, "detail", job.Detail, "units", job.Units, "paid", job.Paid)
		if s.booked && s.p.cfg.Entered != nil {
			s.p.cfg.Entered(&s.rec)
		}
	}
	s.perform(ctx, effects)
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

// effect performs one effect. An error ends the job: the journal failed, or the
// peer is gone, which the reader will report by itself.
func (s *session) effect(ctx context.Context, e protocol.Effect, next []protocol.Effect) error {
	switch e := e.(type) {
	case protocol.Save:
		return s.save(ctx, next)
	case protocol.CheckFunding:
		rec := s.rec
		s.work.Go(func() { s.post(s.funding(ctx, rec)) })
	case protocol.Enqueue:
		s.enqueue(ctx)
	case protocol.Stage:
		s.work.Go(func() { s.post(s.stage(ctx)) })
	case protocol.Start:
		s.start(ctx)
	case protocol.Pause:
		return s.runner.Pause()
	case protocol.Resume:
		return s.runner.Resume()
	case protocol.Kill:
		s.runner.Stop()
		switch s.rec.Job.Ending {
		case protocol.ReasonUnpaid, protocol.ReasonPeerLost, protocol.ReasonMalformed, protocol.ReasonVersion:
			s.out.abandon() // nothing is billed for it
		}
	case protocol.FreeSlot:
		s.p.slots.give(s.ticket)
		s.p.cfg.Changed()
	case protocol.Release: // the money went with the record
		s.out.close()
	case protocol.SendStatus:
		if e.State == protocol.StateRunning && s.spec.Kind == protocol.KindService {
			s.dials.expect()
		}
		s.out.tell(&protocol.Status{State: e.State, Reason: e.Reason, Detail: protocol.ClipDetail(e.Detail)})
	case protocol.SendReceipt:
		return s.sendReceipt(e.Receipt)
	case protocol.SendResult:
		return s.sendResult(e)
	case protocol.SendSettled:
		s.out.tell(&protocol.Settled{Paid: e.Paid})
	}
	return nil
}

// save keeps the record; with that of a job that is over its reservation goes. A job
// that was never funded leaves nothing, or anybody could fill the disk for free.
func (s *session) save(ctx context.Context, next []protocol.Effect) error {
	if !s.booked {
		return nil
	}
	s.rec.Updated = uint64(s.p.cfg.Clock().UnixMilli())
	if slices.Contains(next, protocol.Effect(protocol.Release{})) {
		return s.p.cfg.Book.PutAndRelease(ctx, s.rec)
	}
	return s.p.cfg.Book.PutRecord(ctx, s.rec)
}

// abort ends a job whose journal or sandbox failed under it: nothing more is
// billed, nothing is acted on. One whose end could not be kept has ended all the same.
func (s *session) abort(ctx context.Context, err error) {
	if s.runner != nil {
		s.runner.Stop()
	}
	if s.ticket != nil {
		s.p.slots.give(s.ticket)
	}
	if !s.rec.Job.Ended {
		s.rec.Job.State, s.rec.Job.Ended = protocol.StateFailed, true
		s.rec.Job.Reason, s.rec.Job.Detail = protocol.ReasonRigError, protocol.ClipDetail(err.Error())
		if s.booked {
			if err := s.p.cfg.Book.PutAndRelease(ctx, s.rec); err != nil {
				s.log.Warn("job's end not journaled yet", "err", err)
			}
		}
	}
	s.out.tell(&protocol.Status{State: protocol.StateFailed, Reason: protocol.ReasonRigError, Detail: "the rig cannot go on"})
	s.out.close()
}

// read turns the requester's messages into events until the stream ends.
func (s *session) read() {
	for {
		m, err := s.st.Recv()
		if err != nil {
			s.post(s.streamEnd(err))
			return
		}
		switch m := m.(type) {
		case *protocol.VoucherMsg:
			s.voucher(m)
		case *protocol.Stop:
			s.post(protocol.StopIn{Reason: m.Reason})
		case *protocol.Link:
			if !s.toldLink(m) {
				s.post(protocol.Violation{Reason: protocol.ReasonMalformed, Detail: "a link that is not this job's, or told twice"})
				return
			}
		default:
			s.post(protocol.Violation{Reason: protocol.ReasonMalformed,
				Detail: fmt.Sprintf("message type %d in a job under way", m.Type())})
			return
		}
	}
}

// streamEnd tells a requester that left from one that sent rubbish.
func (s *session) streamEnd(err error) protocol.Event {
	var bad interface{ Reason() protocol.Reason }
	if errors.As(err, &bad) {
		return protocol.Violation{Reason: bad.Reason(), Detail: err.Error()}
	}
	if !errors.Is(err, io.EOF) {
		s.log.Debug("stream ended", "err", err)
	}
	return protocol.PeerGone{}
}

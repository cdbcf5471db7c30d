package requester

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/rerig/rerig/protocol"
)

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
			s.evidence.AddChunk(m.FD, len(m.Data))
			if err := s.parent.write(m.FD, m.Data); err != nil {
				s.post(protocol.Violation{Reason: protocol.ReasonJournal, Detail: err.Error()})
				return
			}
			s.post(protocol.OutputIn{})
		case *protocol.Checkpoint:
			if s.spec.Limits.CheckpointMillis == 0 || m.Size > s.spec.Limits.OutputBytes+sealedBeside {
				s.post(protocol.Violation{Reason: protocol.ReasonMalformed, Detail: "a checkpoint that was not asked for, or of more than the outputs may have"})
				return
			}
			s.checkpoints.take(m)
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
		if s.result.Receipt.Final { // the evidence is being written
			return nil
		}
		if err := signed(&m.Receipt, m.Signature); err != nil {
			return protocol.Violation{Reason: protocol.ReasonBadReceipt, Detail: err.Error()}
		}
		if short := s.covered(m.Receipt.Units); short != nil {
			return short
		}
		s.evidence.AddReceipt(m)
		return protocol.ReceiptIn{Receipt: m.Receipt, Output: output}
	case *protocol.Result:
		if err := signed(&m.Receipt, m.Signature); err != nil {
			return protocol.Violation{Reason: protocol.ReasonBadReceipt, Detail: err.Error()}
		}
		if s.result.Receipt.Final {
			return nil
		}
		if short := s.covered(m.Receipt.Units); short != nil {
			return short
		}
		s.result, s.stream = *m, output
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

// check fetches and verifies the output files (SPEC §7.3), and keeps all output from
// power cuts before it is paid for.
func (s *session) check(ctx context.Context) protocol.Event {
	if err := s.fetch(ctx); err != nil {
		return protocol.Checked{Detail: err.Error()}
	}
	if err := s.parent.keep(&s.evidence, s.id); err != nil {
		return protocol.Violation{Reason: protocol.ReasonJournal, Detail: err.Error()}
	}
	if err := s.parent.sync(); err != nil {
		return protocol.Violation{Reason: protocol.ReasonJournal, Detail: err.Error()}
	}
	return protocol.Checked{OK: true}
}

func (s *session) fetch(ctx context.Context) error {
	if s.result.Outputs == "" {
		return nil
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
	if err := s.parent.directory(); err != nil {
		return err
	}
	art, l, dest := s.r.cfg.Artifacts, s.spec.Limits, filepath.Join(s.parent.dir, "out")
	if !s.spec.Sealed.Has(protocol.SealedFiles) {
		return art.FetchDir(ctx, s.result.Outputs, dest, l.OutputBytes, int(l.OutputFiles), s.rec.Peer)
	}
	err := art.FetchSealedDir(ctx, s.result.Outputs, dest, l.OutputBytes, int(l.OutputFiles), s.rec.Peer, s.parent.order.Key)
	if err == nil {
		s.r.drop(s.result.Outputs)
		s.files, err = art.DirCID(ctx, dest, l.OutputBytes, int(l.OutputFiles))
	}
	return err
}

// drop removes a sealed artifact that has had its use: nobody else can read it.
func (r *Requester) drop(cid string) {
	if err := r.cfg.Artifacts.Remove(cid); err != nil {
		r.cfg.Logger.Debug("sealed artifact kept until there is no room", "err", err)
	}
}

// dropSealed removes what was sealed for a run that is over.
func (r *Requester) dropSealed(spec *protocol.JobSpec) {
	if spec.Sealed.Has(protocol.SealedModule) {
		r.drop(spec.Module)
	}
	if spec.Sealed.Has(protocol.SealedFiles) {
		for _, in := range spec.Inputs {
			r.drop(in.CID)
		}
	}
}

// artifactsOf lists the CIDs a rig must fetch from us to run a job.
func artifactsOf(spec *protocol.JobSpec) []string {
	if spec.OfServed() { // the rig has the model
		return nil
	}
	cids := []string{spec.Module}
	for _, in := range spec.Inputs {
		cids = append(cids, in.CID)
	}
	return cids
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

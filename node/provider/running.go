package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/rerig/rerig/protocol"
)

// start runs the sandbox; Exited follows in any case.
func (s *session) start(ctx context.Context) {
	s.st.Watch(false)
	if s.inputs.refused != nil {
		s.endUnstarted(protocol.ReasonBadModule, s.inputs.refused.Error())
		return
	}
	run, err := s.launch(ctx)
	if err != nil {
		s.endUnstarted(protocol.ReasonRigError, "sandbox did not start: "+err.Error())
		return
	}
	s.runner = run
	if s.spec.Kind == protocol.KindService {
		s.dials.begin(run)
	}
	over := make(chan struct{}) // closed when the sandbox is gone
	if files, ok := run.(Outputs); ok && s.spec.Limits.CheckpointMillis > 0 {
		s.work.Go(func() { s.keepCheckpoints(ctx, files, over) })
	}
	s.work.Go(func() {
		defer close(over)
		s.post(s.wait(ctx, run))
	})
}

// launch starts the job's sandbox, or its session with a served model.
func (s *session) launch(ctx context.Context) (Run, error) {
	if s.spec.OfServed() {
		return s.p.cfg.Models.Open(ctx, s.spec.Module, pipe{s.out, 1}, pipe{s.out, 2})
	}
	l := s.spec.Limits
	return s.p.cfg.Sandbox.Start(ctx, Task{
		Job: s.id, Engine: s.spec.Engine, Program: s.inputs.program, ModuleCID: s.spec.Module,
		Link: s.inputs.link, Hosts: s.spec.Hosts, InDir: s.inputs.in, OutDir: s.inputs.out, Seed: s.spec.Seed, CPUs: places(s.spec), Cards: s.ticket.cards,
		MemoryBytes: s.p.memory(s.spec), ScratchBytes: uint64(s.spec.Resources.DiskMiB) << 20,
		StdoutBytes: l.StdoutBytes, OutputBytes: l.OutputBytes, OutputFiles: int(l.OutputFiles),
		Deadline: l.RunTime() + time.Duration(s.p.maxPause(s.rec.Agreement))*protocol.PaymentGrace,
	}, pipe{s.out, 1}, pipe{s.out, 2})
}

// endUnstarted ends a job that never had a sandbox.
func (s *session) endUnstarted(why protocol.Reason, detail string) {
	detail = protocol.ClipDetail(detail)
	s.runner = ended{}
	s.dials.end()
	s.result = protocol.Result{Reason: why, Detail: detail, Stream: s.out.hash.Sum()} // of no output
	end := protocol.Exited{Reason: why, Detail: detail, Output: protocol.ResultRoot(s.result.Stream, "")}
	s.work.Go(func() { s.post(end) })
}

// memory is what a job gets, in bytes: what it asked for, or the most that its engine
// and this rig give.
func (p *Provider) memory(spec *protocol.JobSpec) uint64 {
	if m := spec.Resources.MemoryMiB; m > 0 {
		return uint64(m) << 20
	}
	most := uint64(p.cfg.MemoryMiB) << 20
	if spec.Engine == protocol.EngineWASM {
		return min(most, protocol.MaxMemoryBytes)
	}
	return most
}

// maxPause bounds how often a job can be paused for payment, for the sandbox's
// own deadline; the lifecycle's comes first.
func (p *Provider) maxPause(a protocol.Agreement) uint64 {
	return min(a.Price.Buys(a.MaxTotal)/a.TickUnits+1, 1000)
}

// ended stands in for a sandbox that never was.
type ended struct{}

func (ended) Units() uint64 { return 0 }
func (ended) Pause() error  { return nil }
func (ended) Resume() error { return nil }
func (ended) Stop()         {}
func (ended) Wait() Outcome { return Outcome{} }
func (ended) Dial(context.Context, uint16) (net.Conn, error) {
	return nil, errors.New("the job has ended")
}

// wait collects the end of the sandbox and keeps its output files.
func (s *session) wait(ctx context.Context, run Run) protocol.Event {
	o := run.Wait()
	s.dials.end()
	s.result = protocol.Result{Reason: o.Reason, Detail: o.Detail}
	if err := s.keepOutputs(ctx); err != nil && o.Reason == protocol.ReasonNone {
		var refused *RefusedError
		if o.Reason, o.Detail = protocol.ReasonRigError, "the rig cannot keep the outputs"; errors.As(err, &refused) {
			o.Reason, o.Detail = protocol.ReasonOutput, refused.Error()
		}
		s.log.Warn("outputs not kept", "err", err)
	}
	s.out.order.Lock()
	s.result.Stream = s.out.hash.Sum()
	s.out.order.Unlock()
	return protocol.Exited{Units: o.Units, ExitCode: o.ExitCode, Reason: o.Reason, Detail: protocol.ClipDetail(o.Detail),
		Output: protocol.ResultRoot(s.result.Stream, s.result.Outputs)}
}

func (s *session) keepOutputs(ctx context.Context) error {
	if s.inputs.out == "" { // of a session with a served model
		return nil
	}
	entries, err := os.ReadDir(s.inputs.out)
	if err != nil || len(entries) == 0 {
		return err
	}
	art := s.p.cfg.Artifacts
	var cid string
	var size uint64
	if l := s.spec.Limits; s.spec.Sealed.Has(protocol.SealedFiles) {
		cid, size, err = art.AddSealedDir(ctx, s.inputs.out, l.OutputBytes, int(l.OutputFiles), s.key)
	} else {
		cid, size, err = art.AddDir(ctx, s.inputs.out, l.OutputBytes, int(l.OutputFiles))
	}
	if err != nil {
		return fmt.Errorf("keep outputs: %w", err)
	}
	if s.spec.Public {
		err = art.Publish(cid)
	} else {
		err = art.Share(cid, s.rec.Peer)
	}
	if err != nil {
		return fmt.Errorf("share outputs: %w", err)
	}
	s.result.Outputs, s.result.Size = cid, size
	return nil
}

// measure looks at the meter. Output is held back meanwhile, so that a receipt
// made of it commits to what was sent.
func (s *session) measure(ctx context.Context) {
	units := s.runner.Units()
	if units < s.rec.Job.Units+s.rec.Job.TickUnits && units < s.rec.Job.Price.Buys(s.rec.Job.MaxTotal) {
		return
	}
	s.out.order.Lock()
	defer s.out.order.Unlock()
	s.step(ctx, protocol.Measured{Units: units, Output: s.out.hash.Sum()})
}

// sendReceipt signs and sends a tick's receipt; measure holds the order of output.
func (s *session) sendReceipt(r protocol.Receipt) error {
	sig, err := s.sign(r)
	if err != nil {
		return err
	}
	s.out.tell(&protocol.ReceiptMsg{Receipt: r, Signature: sig})
	return nil
}

func (s *session) sendResult(e protocol.SendResult) error {
	sig, err := s.sign(e.Receipt)
	if err != nil {
		return err
	}
	m := s.result
	s.rec.Outputs, s.rec.OutSize = m.Outputs, m.Size
	m.Receipt, m.Signature, m.Reason, m.Detail = e.Receipt, sig, e.Reason, protocol.ClipDetail(e.Detail)
	s.out.tell(&m)
	return nil
}

// sign signs a receipt and keeps it as the record's last.
func (s *session) sign(r protocol.Receipt) (protocol.Signature, error) {
	sig, err := s.p.cfg.Key.Sign(r.Digest(s.rec.Agreement.Domain))
	if err != nil {
		return sig, fmt.Errorf("sign receipt: %w", err)
	}
	s.rec.Receipt, s.rec.RcptSig = r, sig
	return sig, nil
}

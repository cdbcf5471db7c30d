package node

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/protocol"
)

// outBook is the journal as the requester needs it.
type outBook struct {
	*journal.Journal
	ends *ends
}

func (b outBook) PutAndRelease(ctx context.Context, rec protocol.Record) error {
	return b.ends.put(ctx, rec)
}

func (b outBook) Channel(ctx context.Context, id protocol.Hash) (protocol.ChannelState, bool, error) {
	ch, err := b.OutChannel(ctx, id)
	if errors.Is(err, journal.ErrNotFound) {
		return protocol.ChannelState{}, false, nil
	}
	return ch.State, err == nil, err
}

func (b outBook) PutAndReserve(ctx context.Context, rec protocol.Record) (requester.Reservation, error) {
	epoch, err := b.Journal.PutAndReserve(ctx, rec)
	return reservation(rec, epoch, err)
}

func (b outBook) ObserveAndReserve(ctx context.Context, rec protocol.Record, st protocol.ChannelState) (requester.Reservation, error) {
	epoch, short, err := b.Journal.ObserveAndReserve(ctx, rec, st)
	return reservation(rec, epoch, cmp.Or(err, short))
}

func reservation(rec protocol.Record, epoch uint32, err error) (requester.Reservation, error) {
	if errors.Is(err, journal.ErrClosing) { // as far as the book knows
		return requester.Reservation{}, nil
	}
	free, ok, err := reserved(rec.Agreement.MaxTotal, err)
	return requester.Reservation{OK: ok, Epoch: epoch, Free: free}, err
}

// inBook is the journal as the provider needs it.
type inBook struct {
	*journal.Journal
	ends *ends
}

func (b inBook) PutAndRelease(ctx context.Context, rec protocol.Record) error {
	return b.ends.put(ctx, rec)
}

func (b inBook) Credit(ctx context.Context, channel, job protocol.Hash, v protocol.SignedVoucher, paid protocol.Amount) (protocol.Amount, error) {
	credited, err := b.Journal.Credit(ctx, channel, job, v, paid)
	return credited, refusal(err)
}

func (b inBook) PutAndCredit(ctx context.Context, rec protocol.Record, v protocol.SignedVoucher, paid protocol.Amount) error {
	return refusal(b.Journal.PutAndCredit(ctx, rec, v, paid))
}

// refusal tells the provider the journal's no from the journal's failure.
func refusal(err error) error {
	if journal.Refused(err) {
		return &provider.RefusedError{Err: err}
	}
	return err
}

func (b inBook) Known(ctx context.Context, job protocol.Hash) (bool, error) {
	_, err := b.Record(ctx, protocol.RoleRig, job)
	if errors.Is(err, journal.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (b inBook) PutAndReserveIn(ctx context.Context, rec protocol.Record) (protocol.Amount, bool, error) {
	err := b.Journal.PutAndReserveIn(ctx, rec)
	if errors.Is(err, journal.ErrClosing) || errors.As(err, new(*journal.EpochError)) { // as far as the book knows
		return protocol.Amount{}, false, nil
	}
	return reserved(rec.Agreement.MaxTotal, err)
}

// reserved turns "not enough" and "not known" from errors into an answer.
func reserved(budget protocol.Amount, err error) (free protocol.Amount, ok bool, _ error) {
	var short *journal.InsufficientError
	switch {
	case err == nil:
		return budget, true, nil
	case errors.As(err, &short):
		return short.Free, false, nil
	case errors.Is(err, journal.ErrNotFound):
		return protocol.Amount{}, false, nil
	}
	return protocol.Amount{}, false, err
}

// artifacts is the store with peers named as text.
type artifacts struct{ *artifact.Store }

func (a artifacts) Fetch(ctx context.Context, cid string, limit uint64, from string) (string, error) {
	id, err := peer.Decode(from)
	if err != nil {
		return "", fmt.Errorf("peer ID: %w", err)
	}
	return a.Store.Fetch(ctx, cid, limit, id)
}

func (a artifacts) FetchDir(ctx context.Context, cid, dest string, limitBytes uint64, limitFiles int, from string) error {
	id, err := peer.Decode(from)
	if err != nil {
		return fmt.Errorf("peer ID: %w", err)
	}
	return a.Store.FetchDir(ctx, cid, dest, limitBytes, limitFiles, id)
}

func (a artifacts) AddDir(ctx context.Context, dir string, maxBytes uint64, maxFiles int) (string, uint64, error) {
	cid, size, err := a.Store.AddDir(ctx, dir, maxBytes, maxFiles)
	var content *artifact.ContentError
	if errors.As(err, &content) {
		err = &provider.RefusedError{Err: content}
	}
	return cid, size, err
}

func (a artifacts) Share(cid, to string) error {
	id, err := peer.Decode(to)
	if err != nil {
		return fmt.Errorf("peer ID: %w", err)
	}
	return a.Store.Share(cid, id)
}

func (a artifacts) Unshare(cid, from string) {
	if id, err := peer.Decode(from); err == nil { // nothing was shared with a name that is no peer
		a.Store.Unshare(cid, id)
	}
}

// sandbox is the runner as the provider needs it. It remembers module hashes, so
// that a warm module is not read again.
type sandbox struct {
	*runner.Runner
	mu   sync.Mutex // guards sums; owner: sandbox
	sums map[string][32]byte
}

// maxSums caps the remembered module hashes; past it they are forgotten together.
const maxSums = 4096

func (s *sandbox) sum(cid, path string) ([32]byte, error) {
	s.mu.Lock()
	sum, ok := s.sums[cid]
	s.mu.Unlock()
	if ok {
		return sum, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return sum, fmt.Errorf("read module: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, fmt.Errorf("read module: %w", err)
	}
	h.Sum(sum[:0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sums == nil || len(s.sums) >= maxSums {
		s.sums = map[string][32]byte{}
	}
	s.sums[cid] = sum
	return sum, nil
}

func (s *sandbox) Start(ctx context.Context, t provider.Task, stdout, stderr io.Writer) (provider.Run, error) {
	sum, err := s.sum(t.ModuleCID, t.Module)
	if err != nil {
		return nil, err
	}
	if t.InDir == "" { // the guest finds /in all the same
		t.InDir = s.EmptyDir()
	}
	job, err := s.Runner.Start(ctx, runner.Spec{
		ModulePath: t.Module, ModuleSHA256: sum, Args: append([]string{"module"}, t.Args...), Env: t.Env,
		InDir: t.InDir, OutDir: t.OutDir, Seed: t.Seed, MemoryBytes: t.MemoryBytes, StdoutBytes: t.StdoutBytes,
		OutputBytes: t.OutputBytes, OutputFiles: t.OutputFiles, Deadline: t.Deadline}, stdout, stderr)
	var f *runner.Failure
	if errors.As(err, &f) { // a module that does not compile is the job's own end, with nothing to pay
		o := outcome(runner.Result{Failure: f})
		o.Units = 0
		return failed{o}, nil
	}
	if err != nil {
		return nil, err
	}
	return sandboxed{job}, nil
}

// failed is a job that ended before it had a process.
type failed struct{ o provider.Outcome }

func (failed) Units() uint64            { return 0 }
func (failed) Pause() error             { return nil }
func (failed) Resume() error            { return nil }
func (failed) Stop()                    {}
func (f failed) Wait() provider.Outcome { return f.o }

// sandboxed is a running job, metered in CPU milliseconds.
type sandboxed struct{ *runner.Job }

func (s sandboxed) Units() uint64 { return s.Usage().CPUMillis }

func (s sandboxed) Wait() provider.Outcome {
	res, err := s.Job.Wait()
	if err != nil {
		return provider.Outcome{Units: res.Usage.CPUMillis, Reason: protocol.ReasonRigError, Detail: err.Error()}
	}
	return outcome(res)
}

// outcome translates how a sandbox ended, in one switch.
func outcome(res runner.Result) provider.Outcome {
	o := provider.Outcome{ExitCode: uint32(res.ExitCode), Units: max(res.Usage.CPUMillis, 1)}
	if res.Failure == nil {
		return o
	}
	o.Detail = res.Failure.Detail
	switch res.Failure.Kind {
	case runner.FailureTrap:
		o.Reason = protocol.ReasonTrap
	case runner.FailureDeadline:
		o.Reason = protocol.ReasonDeadline
	case runner.FailureMemory:
		o.Reason = protocol.ReasonMemory
	case runner.FailureStdout:
		o.Reason = protocol.ReasonStdout
	case runner.FailureOutput:
		o.Reason = protocol.ReasonOutput
	case runner.FailureBadModule:
		o.Reason = protocol.ReasonBadModule
	case runner.FailureKilled:
		o.Reason = protocol.ReasonStopped
	default:
		o.Reason = protocol.ReasonRigError
	}
	return o
}

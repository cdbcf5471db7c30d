package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// Policy is an option of Buy.
type Policy func(*node.RunRequest)

// Budget caps what the run costs with all its attempts, in the token's base units. The
// payment channel enforces it.
func Budget(most protocol.Amount) Policy { return func(r *node.RunRequest) { r.Budget = most } }

// MaxPrice leaves out rigs that ask for more per million units, in base units.
func MaxPrice(most protocol.Amount) Policy { return func(r *node.RunRequest) { r.MaxPrice = most } }

// Retries is how many further rigs are tried when one fails by its own fault.
func Retries(n int) Policy { return func(r *node.RunRequest) { r.Retries = n } }

// OnRig insists on one rig.
func OnRig(rig protocol.Address) Policy { return func(r *node.RunRequest) { r.Rig = rig } }

// InRegion leaves out the rigs of other regions.
func InRegion(region string) Policy { return func(r *node.RunRequest) { r.Region = region } }

// Bought is a run under way. Its methods may be called concurrently.
type Bought struct {
	c    *Client
	ctx  context.Context // of Buy: when it ends the run is stopped
	done chan struct{}   // closed by follow
	id   string

	mu     sync.Mutex // guards what follows
	status node.RunStatus
	err    error // why it could not be followed
}

// Buy submits a run and returns at once. When ctx ends the run is stopped, and what was
// done by then is paid for; Wait says when it is over.
func (c *Client) Buy(ctx context.Context, r node.RunRequest, policies ...Policy) (*Bought, error) {
	for _, p := range policies {
		p(&r)
	}
	st, err := c.Submit(ctx, &r)
	if err != nil {
		return nil, err
	}
	b := &Bought{c: c, ctx: ctx, done: make(chan struct{}), id: st.ID.String(), status: *st}
	go b.follow(context.WithoutCancel(ctx))
	return b, nil
}

// follow keeps the status until the run has ended.
func (b *Bought) follow(ctx context.Context) {
	defer close(b.done)
	stopped := context.AfterFunc(b.ctx, func() {
		_, _ = b.c.Stop(ctx, b.id) // it may have ended by itself
	})
	defer stopped()
	err := b.c.Follow(ctx, b.id, true, func(ev node.Event) error {
		if ev.Status != nil {
			b.mu.Lock()
			b.status = *ev.Status
			b.mu.Unlock()
		}
		return nil
	})
	b.mu.Lock()
	if b.err = err; err == nil && !b.status.Ended {
		b.err = errUnended
	}
	lost := !b.status.Ended
	b.mu.Unlock()
	if lost { // nobody sees what it costs any more
		_, _ = b.c.Stop(ctx, b.id) // the node may be gone
	}
}

// ID is the run's, as `rerig ps` shows it.
func (b *Bought) ID() string { return b.id }

// Status is how the run stands.
func (b *Bought) Status() node.RunStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// Stop asks for the end of the run; what was done by then is paid for.
func (b *Bought) Stop(ctx context.Context) error {
	_, err := b.c.Stop(ctx, b.id)
	return err
}

// Wait returns when the run has ended: with nothing where its program ran to its end
// with exit code 0, and otherwise with a *RunError. Any other error is that the node
// could not be followed.
func (b *Bought) Wait() (node.RunStatus, error) {
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.status, fmt.Errorf("follow run %s: %w", b.id, b.err)
	}
	return b.status, runError(&b.status)
}

// Stdout is the program's standard output from its beginning, as it comes. The reader
// ends with the run. Close it when it is not read to its end.
func (b *Bought) Stdout() io.ReadCloser { return b.output(1) }

// Stderr is the same of standard error.
func (b *Bought) Stderr() io.ReadCloser { return b.output(2) }

func (b *Bought) output(fd int) io.ReadCloser {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.ctx))
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = w.CloseWithError(b.c.Follow(ctx, b.id, true, func(ev node.Event) error {
			if ev.FD != fd {
				return nil
			}
			_, err := w.Write(ev.Data)
			return err
		})) // of a pipe it cannot fail
	}()
	return &outputReader{r, cancel, over}
}

// outputReader ends its follower when it is closed.
type outputReader struct {
	*io.PipeReader
	cancel context.CancelFunc
	over   chan struct{}
}

// Close ends the reading.
func (o *outputReader) Close() error {
	err := o.PipeReader.Close()
	o.cancel()
	<-o.over
	return err
}

// Fault says whose doing an end was.
type Fault string

// Faults.
const (
	FaultYours   Fault = "yours"   // the program's, or of what it was given: limits, budget, input
	FaultRig     Fault = "rig"     // the rig's
	FaultNetwork Fault = "network" // no rig could be found or reached
	FaultChain   Fault = "chain"   // the chain or the payment channel
)

// RunError is how a run ended other than well.
type RunError struct {
	Run      protocol.Hash
	Reason   protocol.Reason // "" where the program exited by itself, with ExitCode
	Detail   string
	ExitCode uint32
	Fault    Fault
	// Retry tells that buying the same run again may end otherwise and repeats nothing
	// that was delivered.
	Retry bool
	Spent protocol.Amount
}

// Error names the reason, or the exit code.
func (e *RunError) Error() string {
	if e.Reason == protocol.ReasonNone {
		return fmt.Sprintf("run %s: exit %d", e.Run.Short(), e.ExitCode)
	}
	return fmt.Sprintf("run %s: %s: %s", e.Run.Short(), e.Reason, e.Detail)
}

// runError is a run's end as an error; nil where it succeeded.
func runError(st *node.RunStatus) error {
	finished := st.Succeeded() || st.Reason == protocol.ReasonNoSettle // the result is here
	if finished && st.ExitCode == 0 {
		return nil
	}
	e := &RunError{Run: st.ID, Reason: st.Reason, Detail: st.Detail, ExitCode: st.ExitCode, Spent: st.Spent, Fault: FaultYours}
	if finished {
		e.Reason = protocol.ReasonNone
		return e
	}
	e.Fault = faultOf(st.Reason)
	e.Retry = e.Fault != FaultYours
	return e
}

func faultOf(r protocol.Reason) Fault {
	switch r {
	case protocol.ReasonChainDown, protocol.ReasonChannelOpen:
		return FaultChain
	case protocol.ReasonNoOffers, protocol.ReasonOfferExpired, protocol.ReasonUnreachable, protocol.ReasonNetwork, protocol.ReasonVersion:
		return FaultNetwork
	}
	if r.RigFault() {
		return FaultRig
	}
	return FaultYours
}

// AsRunError finds the *RunError in an error of Wait.
func AsRunError(err error) (*RunError, bool) {
	var e *RunError
	ok := errors.As(err, &e)
	return e, ok
}

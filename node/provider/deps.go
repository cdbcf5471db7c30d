package provider

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Stream is one job's stream of messages to a requester.
type Stream interface {
	Peer() string            // libp2p peer ID
	Key() protocol.PublicKey // proved by the connection
	Send(...protocol.Message) error
	Recv() (protocol.Message, error)
	RecvBefore(time.Time) (protocol.Message, error)
	Keep()      // a job depends on the stream
	Watch(bool) // whether the requester is to be missed though it owes no word
	Close() error
	Reset()
}

// Book is the rig's side of the journal. Every method that writes returns after
// the write is durable.
type Book interface {
	PutRecord(context.Context, protocol.Record) error
	// PutAndReserveIn sets the agreement's most aside and puts the record, both or none.
	// ok is false when the channel is unknown, closing, in another epoch, or has less
	// free, which is in free.
	PutAndReserveIn(context.Context, protocol.Record) (free protocol.Amount, ok bool, err error)
	// PutAndRelease is PutRecord of a job that has ended, and frees what it reserved. What
	// the book cannot write now it writes later: an error is no reason to try again.
	PutAndRelease(context.Context, protocol.Record) error
	// PutAndCredit is Credit and PutAndRelease, both or none.
	PutAndCredit(ctx context.Context, rec protocol.Record, v protocol.SignedVoucher, jobPaid protocol.Amount) error
	// Known reports whether a job with this ID was ever accepted here.
	Known(ctx context.Context, job protocol.Hash) (bool, error)
	SetInChannel(context.Context, protocol.Domain, protocol.Channel, protocol.ChannelState) error
	// Credit and PutAndCredit return a *RefusedError for a voucher that is not good. Any
	// other error is the book's own, and says nothing about the voucher.
	Credit(ctx context.Context, channel, job protocol.Hash, v protocol.SignedVoucher, jobPaid protocol.Amount) (protocol.Amount, error)
}

// RefusedError is a no to what the job's other side sent or its program made, and why.
type RefusedError struct{ Err error }

// Error is the reason.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// Chain reads channels from the escrow.
type Chain interface {
	Channel(context.Context, protocol.Channel) (protocol.ChannelState, error)
}

// Artifacts fetches what a job needs and keeps what it made.
type Artifacts interface {
	// Fetch returns the path of a verified, read-only local copy.
	Fetch(ctx context.Context, cid string, limit uint64, from string) (path string, err error)
	// AddDir keeps a directory; a *RefusedError is about what is in it.
	AddDir(ctx context.Context, dir string, maxBytes uint64, maxFiles int) (cid string, size uint64, err error)
	// AddSealedDir keeps a directory as one file that only the job's key opens.
	AddSealedDir(ctx context.Context, dir string, maxBytes uint64, maxFiles int, key protocol.JobKey) (cid string, size uint64, err error)
	// Remove drops an artifact that nothing pins.
	Remove(cid string) error
	// Pin keeps an artifact from eviction until the function it returns is called.
	Pin(cid string) (unpin func())
	// Share lets one peer fetch the artifact; Publish lets everybody.
	Share(cid, peer string) error
	Publish(cid string) error
}

// Program is what a job's engine runs, on disk and verified.
type Program struct {
	Module string // a WASM module's file
	Root   string // a container's files, which other jobs may share

	Args, Env []string // the whole of them: the image's and the spec's
	WorkDir   string
	UID, GID  uint32
}

// Programs fetches what jobs run.
type Programs interface {
	// Fetch gets the module or image of a spec from a peer. The program stays until release
	// is called. A *RefusedError says that it is none that an engine here runs.
	Fetch(ctx context.Context, spec *protocol.JobSpec, from string) (p Program, release func(), err error)
}

// Task is what the sandbox is to run.
type Task struct {
	Job          protocol.Hash // its ID
	Engine       string
	Program      Program
	ModuleCID    string
	InDir        string // read-only at /in; "" is an empty one
	OutDir       string // writable at /out
	Seed         protocol.Hash
	CPUs         int      // cores; WASM modules use one
	Cards        []string // IDs of those that the job holds; Units are then of UnitGPUMillis
	MemoryBytes  uint64
	ScratchBytes uint64 // what a container may write outside /out; 0 is the engine's default
	StdoutBytes  uint64
	OutputBytes  uint64
	OutputFiles  int
	Link         *Link         // nil for a job in no private link
	Hosts        []string      // host:port that it may reach
	Deadline     time.Duration // wall time, as a second line behind the lifecycle's
}

// Outcome is how a sandbox ended. Reason is "" when the program exited by itself.
type Outcome struct {
	ExitCode uint32
	Units    uint64
	Reason   protocol.Reason
	Detail   string
}

// Run is one sandbox at work, or a session with a served model.
type Run interface {
	Units() uint64 // used so far, in the unit that the job's agreement names
	Pause() error
	Resume() error
	Stop()
	Wait() Outcome // after the last byte of output was written
	// Dial connects to a TCP port on the job's own loopback. The connection may have
	// CloseWrite; it breaks at the latest when the job is gone.
	Dial(ctx context.Context, port uint16) (net.Conn, error)
}

// Sandbox starts jobs.
type Sandbox interface {
	Start(ctx context.Context, t Task, stdout, stderr io.Writer) (Run, error)
}

// Models keeps servers for models (SPEC §5.6).
type Models interface {
	// Served lists the models whose servers are up, at most protocol.MaxModels. It is
	// asked at every offer and every quote, and must not block.
	Served() []protocol.Served
	// Open begins a session with the server of a model: Units are of UnitTokenOut, while
	// it is paused it makes none, and after Stop it takes no request. It fails where the
	// model is no longer served. What the session says to its requester goes to stdout and
	// stderr, as a job's output does.
	Open(ctx context.Context, cid string, stdout, stderr io.Writer) (Run, error)
}

package requester

import (
	"context"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Stream is one job's stream of messages to a rig.
type Stream interface {
	Peer() string            // libp2p peer ID
	Key() protocol.PublicKey // proved by the connection
	Send(...protocol.Message) error
	Recv() (protocol.Message, error)
	RecvBefore(time.Time) (protocol.Message, error)
	Close() error
	Reset()
}

// Market finds offers and opens streams to the rigs behind them.
type Market interface {
	// Find returns verified offers that fit and, for those that do not, why. With
	// again it does not answer from the memory of a moment ago.
	Find(ctx context.Context, f protocol.Filter, limit int, again bool) ([]*protocol.VerifiedOffer, []protocol.SkipCount, error)
	Dial(ctx context.Context, o *protocol.VerifiedOffer) (Stream, error)
}

// Book is the requester's side of the journal. Every method that writes returns
// after the write is durable.
type Book interface {
	PutRecord(context.Context, protocol.Record) error
	// PutAndReserve sets the agreement's most aside in the channel and puts the record
	// with the channel's epoch, both or none.
	PutAndReserve(context.Context, protocol.Record) (Reservation, error)
	// ObserveAndReserve is PutAndReserve from the state of the channel that was just
	// read from the chain, which the book keeps in any case.
	ObserveAndReserve(context.Context, protocol.Record, protocol.ChannelState) (Reservation, error)
	// PutAndPromise is PutRecord and Promise, both or none.
	PutAndPromise(ctx context.Context, rec protocol.Record, total protocol.Amount) (protocol.Voucher, error)
	// PutAndRelease puts the record of a job that has ended and frees what it reserved.
	// What the book cannot write now it writes later: an error is no reason to try again.
	PutAndRelease(context.Context, protocol.Record) error
	// Channel returns the state the book last saw; ok is false for an unknown one.
	Channel(ctx context.Context, id protocol.Hash) (st protocol.ChannelState, ok bool, err error)
	// Promise raises the channel's cumulative amount to pay total for the job.
	Promise(ctx context.Context, channel, job protocol.Hash, total protocol.Amount) (protocol.Voucher, error)
}

// Reservation is a Book's answer. It is not OK where the channel is unknown, closing,
// or has too little free.
type Reservation struct {
	OK    bool
	Epoch uint32          // of the channel, where it is OK
	Free  protocol.Amount // where it is not
}

// Chain opens and tops up channels.
type Chain interface {
	// Landed waits for what was sent into the channel before, by whatever process, and
	// returns a state that counts it.
	Landed(context.Context, protocol.Channel) (protocol.ChannelState, error)
	// Fund adds amount to the channel and returns its state once confirmed.
	Fund(ctx context.Context, c protocol.Channel, amount protocol.Amount) (protocol.Tx, protocol.ChannelState, error)
	// Spendable is what Fund could add at most.
	Spendable(ctx context.Context) (protocol.Amount, error)
}

// Artifacts serves inputs to the rig and fetches outputs from it.
type Artifacts interface {
	// Pin keeps an artifact from eviction until the function it returns is called.
	Pin(cid string) (unpin func())
	Share(cid, peer string) error
	Unshare(cid, peer string)
	FetchDir(ctx context.Context, cid, dest string, limitBytes uint64, limitFiles int, from string) error
	// AddInput keeps a file, sealed where there is a key.
	AddInput(ctx context.Context, path string, key protocol.JobKey) (cid string, size uint64, err error)
	// FetchSealedDir is FetchDir of a file that the job's key opens to a directory.
	FetchSealedDir(ctx context.Context, cid, dest string, limitBytes uint64, limitFiles int, from string, key protocol.JobKey) error
	// DirCID is the CID of a directory as it lies there, without keeping it.
	DirCID(ctx context.Context, dir string, maxBytes uint64, maxFiles int) (string, error)
	// Remove drops an artifact that nothing pins.
	Remove(cid string) error
}

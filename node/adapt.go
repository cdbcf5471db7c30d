package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/protocol/seal"
)

// outBook is the journal as the requester needs it.
type outBook struct {
	*journal.Journal
	ends *ends
	seen func(*protocol.Record) // is told each record
}

func (b outBook) PutRecord(ctx context.Context, rec protocol.Record) error {
	b.seen(&rec)
	return b.Journal.PutRecord(ctx, rec)
}

func (b outBook) PutAndRelease(ctx context.Context, rec protocol.Record) error {
	b.seen(&rec)
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
	seen func(*protocol.Record) // is told each record
}

func (b inBook) PutRecord(ctx context.Context, rec protocol.Record) error {
	b.seen(&rec)
	return b.Journal.PutRecord(ctx, rec)
}

func (b inBook) PutAndRelease(ctx context.Context, rec protocol.Record) error {
	b.seen(&rec)
	return b.ends.put(ctx, rec)
}

func (b inBook) Credit(ctx context.Context, channel, job protocol.Hash, v protocol.SignedVoucher, paid protocol.Amount) (protocol.Amount, error) {
	credited, err := b.Journal.Credit(ctx, channel, job, v, paid)
	return credited, refusal(err)
}

func (b inBook) PutAndCredit(ctx context.Context, rec protocol.Record, v protocol.SignedVoucher, paid protocol.Amount) error {
	err := b.Journal.PutAndCredit(ctx, rec, v, paid)
	if err == nil {
		b.seen(&rec)
	}
	return refusal(err)
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
	return a.Store.Fetch(ctx, cid, limit, artifact.From(id))
}

func (a artifacts) FetchDir(ctx context.Context, cid, dest string, limitBytes uint64, limitFiles int, from string) error {
	id, err := peer.Decode(from)
	if err != nil {
		return fmt.Errorf("peer ID: %w", err)
	}
	return a.Store.FetchDir(ctx, cid, dest, limitBytes, limitFiles, artifact.From(id))
}

func (a artifacts) DirCID(ctx context.Context, dir string, maxBytes uint64, maxFiles int) (string, error) {
	return artifact.DirCID(ctx, dir, maxBytes, maxFiles)
}

func (a artifacts) AddDir(ctx context.Context, dir string, maxBytes uint64, maxFiles int) (string, uint64, error) {
	cid, size, err := a.Store.AddDir(ctx, dir, maxBytes, maxFiles)
	var content *artifact.ContentError
	if errors.As(err, &content) {
		err = &provider.RefusedError{Err: content}
	}
	return cid, size, err
}

func (a artifacts) AddSealedDir(ctx context.Context, dir string, maxBytes uint64, maxFiles int, key protocol.JobKey) (string, uint64, error) {
	cid, size, err := a.Store.AddSealedDir(ctx, dir, maxBytes, maxFiles, seal.Key(key))
	var content *artifact.ContentError
	if errors.As(err, &content) {
		err = &provider.RefusedError{Err: content}
	}
	return cid, size, err
}

func (a artifacts) AddInput(ctx context.Context, path string, key protocol.JobKey) (string, uint64, error) {
	if len(key) > 0 {
		return a.AddSealed(ctx, path, seal.Key(key))
	}
	return a.Store.AddFile(ctx, path)
}

func (a artifacts) FetchSealedDir(ctx context.Context, cid, dest string, limitBytes uint64, limitFiles int, from string, key protocol.JobKey) error {
	id, err := peer.Decode(from)
	if err != nil {
		return fmt.Errorf("peer ID: %w", err)
	}
	return a.Store.FetchSealedDir(ctx, cid, dest, limitBytes, limitFiles, artifact.From(id), seal.Key(key))
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

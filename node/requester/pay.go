package requester

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/rerig/rerig/protocol"
)

// funding is what the accept needs besides the quote.
type funding struct {
	epoch uint32
	sig   protocol.Signature
}

// fund countersigns and reserves the attempt's budget in the channel to the rig,
// opening or topping it up where there is not enough. rec is the record before it;
// as it is with the budget reserved it is in the journal afterwards (SPEC §6.6).
func (s *session) fund(ctx context.Context, rec protocol.Record) protocol.Event {
	checked := make(chan error, 1) // the quote's signature, while the disk is written
	go func() { checked <- s.quote.verify() }()
	var err error
	if rec.PayerSig, err = s.r.cfg.Key.Sign(s.id); err != nil {
		return protocol.ChannelFailed{Reason: protocol.ReasonJournal, Detail: "cannot sign the agreement"}
	}
	epoch, err := s.r.reserve(ctx, rec)
	if forged := <-checked; forged != nil {
		return protocol.ChannelFailed{Reason: protocol.ReasonBadSignature, Detail: forged.Error()}
	}
	if err != nil {
		return protocol.ChannelFailed{Reason: protocol.ReasonChannelOpen, Detail: err.Error()}
	}
	for _, cid := range artifactsOf(s.spec) {
		if err := s.r.cfg.Artifacts.Share(cid, s.rec.Peer); err != nil {
			return protocol.ChannelFailed{Reason: protocol.ReasonStaging, Detail: err.Error()}
		}
		s.shared = append(s.shared, cid)
	}
	s.funded = funding{epoch, rec.PayerSig}
	return protocol.ChannelReady{}
}

// reserve sets the budget aside in the channel and keeps the record. Only one
// goroutine at a time looks at and funds one channel, so that two jobs do not both
// top it up.
func (r *Requester) reserve(ctx context.Context, rec protocol.Record) (epoch uint32, err error) {
	ch, budget := rec.Channel, rec.Agreement.MaxTotal
	if got, err := r.begin(ctx, rec, nil); got.OK || err != nil {
		return got.Epoch, err
	}
	unlock, err := r.funds.lock(ctx, ch.ID())
	if err != nil {
		return 0, err
	}
	defer unlock()
	if got, err := r.begin(ctx, rec, nil); got.OK || err != nil {
		return got.Epoch, err
	}
	// It may have been funded without us, or before a crash, or closed.
	st, err := r.cfg.Chain.Landed(ctx, ch)
	if err != nil {
		return 0, fmt.Errorf("read channel: %w", err)
	}
	got, err := r.begin(ctx, rec, &st)
	switch {
	case got.OK || err != nil:
		return got.Epoch, err
	case st.ClosesAt != 0:
		return 0, errors.New("the channel is closing; it takes no new job")
	}
	amount, err := r.topUp(ctx, budget, budget.Minus(got.Free))
	if err != nil {
		return 0, err
	}
	_, st, err = r.cfg.Chain.Fund(ctx, ch, amount)
	if err != nil {
		return 0, fmt.Errorf("fund channel: %w", err)
	}
	if got, err = r.begin(ctx, rec, &st); err == nil && !got.OK {
		err = errors.New("channel still short after funding; try again")
	}
	return got.Epoch, err
}

// begin reserves the budget and journals the record as it is once that is done. st is
// the channel as just read from the chain; nil goes by the book.
func (r *Requester) begin(ctx context.Context, rec protocol.Record, st *protocol.ChannelState) (got Reservation, err error) {
	now := r.cfg.Clock()
	if rec.Job, _, err = rec.Job.Step(protocol.ChannelReady{}, now); err != nil {
		return got, err
	}
	rec.Updated = uint64(now.UnixMilli())
	if st == nil {
		got, err = r.cfg.Book.PutAndReserve(ctx, rec)
	} else {
		got, err = r.cfg.Book.ObserveAndReserve(ctx, rec, *st)
	}
	if got.OK {
		r.used.add(rec.Channel.ID())
	}
	return got, err
}

// topUp is how much to put in: several budgets, so that the next jobs need no
// transaction, but never more than there is and never less than is missing.
func (r *Requester) topUp(ctx context.Context, budget, missing protocol.Amount) (protocol.Amount, error) {
	want := r.cfg.Deposit
	if want.IsZero() {
		for range fundMultiple {
			sum, err := want.Add(budget)
			if err != nil {
				break
			}
			want = sum
		}
	}
	if !r.cfg.Ceiling.IsZero() && r.cfg.Ceiling.Less(want) {
		want = r.cfg.Ceiling
	}
	if want.Less(missing) {
		want = missing
	}
	have, err := r.cfg.Chain.Spendable(ctx)
	if err != nil {
		return protocol.Amount{}, fmt.Errorf("read balance: %w", err)
	}
	if have.Less(missing) {
		return protocol.Amount{}, fmt.Errorf("%s can be spent, by the balance and --max-exposure, and the channel lacks %s; `rerig wallet deposit`, lower --budget or raise --max-exposure",
			r.cfg.Text(have), r.cfg.Text(missing))
	}
	if have.Less(want) {
		want = have
	}
	return want, nil
}

// save keeps the record. With it goes what the next effects need of the books: the
// voucher of a checked result, the reservation of a job that is over.
func (s *session) save(ctx context.Context, next []protocol.Effect) (err error) {
	s.rec.Updated = uint64(s.r.cfg.Clock().UnixMilli())
	if s.rec.Job.Ended {
		s.keepOutput()
	}
	book := s.r.cfg.Book
	for _, e := range next {
		switch e := e.(type) {
		case protocol.SendVoucher:
			v, err := book.PutAndPromise(ctx, s.rec, e.Total)
			if err != nil {
				return fmt.Errorf("book voucher: %w", err)
			}
			s.voucher, s.promised = &v, e.Total
			return nil
		case protocol.Release:
			return book.PutAndRelease(ctx, s.rec)
		}
	}
	return book.PutRecord(ctx, s.rec)
}

// keepOutput makes durable what a job wrote that ends without a result that was
// checked: its ticks were paid for. That it failed changes nothing about the end.
func (s *session) keepOutput() {
	if err := s.parent.sync(); err != nil {
		s.log.Warn("output may not survive a power cut", "err", err)
	}
}

// sendVoucher books, signs and sends what the receipt is worth; it is durable
// before it leaves (SPEC §6.6).
func (s *session) sendVoucher(ctx context.Context, total protocol.Amount) error {
	if s.voucher == nil { // else it was booked with the record
		v, err := s.r.cfg.Book.Promise(ctx, s.rec.Channel.ID(), s.id, total)
		if err != nil {
			return fmt.Errorf("book voucher: %w", err)
		}
		s.voucher, s.promised = &v, total
	}
	signed, err := protocol.SignVoucher(*s.voucher, s.rec.Agreement.Domain, s.r.cfg.Key)
	if err != nil {
		return fmt.Errorf("sign voucher: %w", err)
	}
	s.voucher = nil
	s.tell(&protocol.VoucherMsg{Voucher: signed, JobPaid: total})
	return nil
}

// channelSet remembers channels that had room for a job. It is capped.
type channelSet struct {
	mu  sync.Mutex // owner: channelSet
	ids map[protocol.Hash]struct{}
}

const maxChannelSet = 4096

func (s *channelSet) add(id protocol.Hash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil || len(s.ids) >= maxChannelSet {
		s.ids = map[protocol.Hash]struct{}{}
	}
	s.ids[id] = struct{}{}
}

func (s *channelSet) has(id protocol.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.ids[id]
	return ok
}

// channelLocks holds one lock per channel being funded; unused ones are dropped.
type channelLocks struct {
	mu   sync.Mutex // owner: channelLocks
	held map[protocol.Hash]*channelLock
}

type channelLock struct {
	sem   chan struct{}
	users int
}

func (l *channelLocks) lock(ctx context.Context, id protocol.Hash) (unlock func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[protocol.Hash]*channelLock{}
	}
	c := l.held[id]
	if c == nil {
		c = &channelLock{sem: make(chan struct{}, 1)}
		l.held[id] = c
	}
	c.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if c.users--; c.users == 0 {
			delete(l.held, id)
		}
	}
	select {
	case c.sem <- struct{}{}:
		return func() { <-c.sem; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("wait for another job to fund the channel: %w", ctx.Err())
	}
}

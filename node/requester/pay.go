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

// fund reserves the attempt's budget in the channel to the rig, opening or
// topping it up where there is not enough, and countersigns.
func (s *session) fund(ctx context.Context) protocol.Event {
	epoch, err := s.r.reserve(ctx, s.rec.Agreement.Domain, s.rec.Channel, s.id, s.rec.Agreement.MaxTotal)
	if err != nil {
		return protocol.ChannelFailed{Reason: protocol.ReasonChannelOpen, Detail: err.Error()}
	}
	for _, cid := range artifactsOf(s.spec) {
		if err := s.r.cfg.Artifacts.Share(cid, s.rec.Peer); err != nil {
			return protocol.ChannelFailed{Reason: protocol.ReasonStaging, Detail: err.Error()}
		}
		s.shared = append(s.shared, cid)
	}
	sig, err := s.r.cfg.Key.Sign(s.id)
	if err != nil {
		return protocol.ChannelFailed{Reason: protocol.ReasonJournal, Detail: "cannot sign the agreement"}
	}
	s.funded = funding{epoch, sig}
	return protocol.ChannelReady{}
}

// reserve sets budget aside in the channel. Only one goroutine at a time looks
// at and funds one channel, so that two jobs do not both top it up.
func (r *Requester) reserve(ctx context.Context, d protocol.Domain, ch protocol.Channel, job protocol.Hash, budget protocol.Amount) (uint32, error) {
	id := ch.ID()
	if epoch, ok, err := r.tryReserve(ctx, id, job, budget); ok || err != nil {
		return epoch, err
	}
	unlock, err := r.funds.lock(ctx, id)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if epoch, ok, err := r.tryReserve(ctx, id, job, budget); ok || err != nil {
		return epoch, err
	}
	st, err := r.cfg.Chain.Channel(ctx, ch) // it may have been funded without us, or closed
	if err != nil {
		return 0, fmt.Errorf("read channel: %w", err)
	}
	if err := r.cfg.Book.SetOutChannel(ctx, d, ch, st); err != nil {
		return 0, err
	}
	free, ok, err := r.cfg.Book.Reserve(ctx, id, job, budget)
	if err != nil {
		return 0, err
	}
	if ok {
		return st.Epoch, nil
	}
	amount, err := r.topUp(ctx, budget, budget.Minus(free))
	if err != nil {
		return 0, err
	}
	_, st, err = r.cfg.Chain.Fund(ctx, ch, amount)
	if err != nil {
		return 0, fmt.Errorf("fund channel: %w", err)
	}
	if err := r.cfg.Book.SetOutChannel(ctx, d, ch, st); err != nil {
		return 0, err
	}
	if _, ok, err = r.cfg.Book.Reserve(ctx, id, job, budget); err != nil {
		return 0, err
	}
	if !ok {
		return 0, errors.New("channel still short after funding; try again")
	}
	return st.Epoch, nil
}

func (r *Requester) tryReserve(ctx context.Context, id, job protocol.Hash, budget protocol.Amount) (uint32, bool, error) {
	st, known, err := r.cfg.Book.Channel(ctx, id)
	if err != nil || !known || st.ClosesAt != 0 {
		return 0, false, err
	}
	_, ok, err := r.cfg.Book.Reserve(ctx, id, job, budget)
	return st.Epoch, ok, err
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
	if want.Less(missing) {
		want = missing
	}
	have, err := r.cfg.Chain.Spendable(ctx)
	if err != nil {
		return protocol.Amount{}, fmt.Errorf("read balance: %w", err)
	}
	if have.Less(missing) {
		return protocol.Amount{}, fmt.Errorf("balance %s is less than the %s missing in the channel; `rerig wallet deposit` or lower --budget", have, missing)
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

package provider

import (
	"context"
	"errors"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// TestHostileVouchers holds which vouchers reach the journal: those of this job's
// channel, epoch, signer, chain and escrow (SPEC §7.2). What their amounts must be is
// the journal's to say, and its no stops the job's money all the same.
func TestHostileVouchers(t *testing.T) {
	requester := newKey(t)
	b := &book{known: map[protocol.Hash]bool{}}
	p := newRig(t, b)
	n, q := negotiate(t, p, requester)
	n.in <- n.accept(t, q)
	<-n.done
	s := n.session
	good := protocol.Voucher{Channel: q.Channel.ID(), Cumulative: protocol.NewAmount(1000)}
	for name, c := range map[string]struct {
		key    *protocol.Key
		domain protocol.Domain
		v      protocol.Voucher
		fail   error
		good   bool
	}{
		"good":             {requester, testMarket.Domain, good, nil, true},
		"another signer":   {newKey(t), testMarket.Domain, good, nil, false},
		"another chain":    {requester, protocol.Domain{ChainID: 1, Escrow: testMarket.Domain.Escrow}, good, nil, false},
		"another escrow":   {requester, protocol.Domain{ChainID: 31337, Escrow: protocol.Address{7}}, good, nil, false},
		"another channel":  {requester, testMarket.Domain, protocol.Voucher{Channel: protocol.Hash{1}, Cumulative: good.Cumulative}, nil, false},
		"another epoch":    {requester, testMarket.Domain, protocol.Voucher{Channel: good.Channel, Epoch: 1, Cumulative: good.Cumulative}, nil, false},
		"the journal's no": {requester, testMarket.Domain, good, &RefusedError{errors.New("uncovered")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b.credited, b.fail = nil, c.fail
			v, err := protocol.SignVoucher(c.v, c.domain, c.key)
			if err != nil {
				t.Fatal(err)
			}
			s.rec.Job.State, s.rec.Job.Paid = protocol.StateRunning, protocol.Amount{}
			pay(t, s, &protocol.VoucherMsg{Voucher: v, JobPaid: protocol.NewAmount(1000)})
			if reached := len(b.credited) > 0; reached != (c.good || c.fail != nil) {
				t.Errorf("reached the journal: %t", reached)
			}
			if told := !s.rec.Job.Paid.IsZero(); told != c.good {
				t.Errorf("the job was told of a payment: %t", told)
			}
			ms, _, _ := s.out.next()
			told := len(ms) == 1 && ms[0].(*protocol.Status).Reason == protocol.ReasonBadVoucher
			if len(ms) > 0 != told || told == c.good {
				t.Errorf("the requester was told %+v", ms)
			}
		})
	}
}

// pay gives the session a voucher as its reader would and waits until it is done with it.
func pay(t *testing.T, s *session, m *protocol.VoucherMsg) {
	t.Helper()
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.voucher(m)
	}()
	select {
	case m := <-s.paid:
		s.credit(t.Context(), m)
		<-read
	case <-read: // refused without a look at the books
	}
}

// TestLastVoucherSettles holds that the voucher that pays for all and the job's end
// are one write, and that without it there is no end.
func TestLastVoucherSettles(t *testing.T) {
	requester, due := newKey(t), protocol.NewAmount(1000)
	b := &book{known: map[protocol.Hash]bool{}}
	n, q := negotiate(t, newRig(t, b), requester)
	n.in <- n.accept(t, q)
	<-n.done
	s := n.session
	s.rec.Job.State, s.rec.Job.Due = protocol.StateFinished, due
	v, err := protocol.SignVoucher(protocol.Voucher{Channel: q.Channel.ID(), Cumulative: due}, testMarket.Domain, requester)
	if err != nil {
		t.Fatal(err)
	}
	last := &protocol.VoucherMsg{Voucher: v, JobPaid: due}

	b.fail = &RefusedError{errors.New("uncovered")}
	pay(t, s, last)
	if s.rec.Job.State != protocol.StateFinished || len(b.ended) > 0 {
		t.Errorf("settled by a voucher that the journal refused: %s", s.rec.Job.State)
	}
	b.fail = nil
	pay(t, s, last)
	if s.rec.Job.State != protocol.StateSettled || len(b.ended) != 1 || b.ended[0].Job != s.rec.Job || b.ended[0].Job.Paid != due {
		t.Errorf("%s, journaled %+v", s.rec.Job.State, b.ended)
	}
	ms, _, _ := s.out.next()
	if len(ms) != 2 || ms[0].Type() != (&protocol.Status{}).Type() || ms[1].Type() != (&protocol.Settled{}).Type() {
		t.Errorf("the requester was told %+v, want of the refusal and of the settlement", ms)
	}
}

// TestVoucherAfterTheEnd holds that money is taken when the job is over.
func TestVoucherAfterTheEnd(t *testing.T) {
	requester := newKey(t)
	b := &book{known: map[protocol.Hash]bool{}}
	n, q := negotiate(t, newRig(t, b), requester)
	n.in <- n.accept(t, q)
	<-n.done
	close(n.session.done)
	v, err := protocol.SignVoucher(protocol.Voucher{Channel: q.Channel.ID(), Cumulative: protocol.NewAmount(10)}, testMarket.Domain, requester)
	if err != nil {
		t.Fatal(err)
	}
	n.session.voucher(&protocol.VoucherMsg{Voucher: v, JobPaid: protocol.NewAmount(10)})
	if len(b.credited) != 1 {
		t.Error("the voucher was dropped")
	}
}

// TestVoucherThatCannotBeKept holds that a rig whose own journal fails blames nobody
// else, and ends the job at once: no work goes on for a voucher that it may lose.
func TestVoucherThatCannotBeKept(t *testing.T) {
	for _, state := range []protocol.State{protocol.StateRunning, protocol.StateFinished} {
		requester, due := newKey(t), protocol.NewAmount(1000)
		b := &book{known: map[protocol.Hash]bool{}}
		n, q := negotiate(t, newRig(t, b), requester)
		n.in <- n.accept(t, q)
		<-n.done
		s := n.session
		s.booked, s.rec.Job.State, s.rec.Job.Due = true, state, due
		v, err := protocol.SignVoucher(protocol.Voucher{Channel: q.Channel.ID(), Cumulative: due}, testMarket.Domain, requester)
		if err != nil {
			t.Fatal(err)
		}
		b.fail = errors.New("no space left")
		pay(t, s, &protocol.VoucherMsg{Voucher: v, JobPaid: due})
		if job := s.rec.Job; !job.Ended || job.Reason != protocol.ReasonRigError || !job.Paid.IsZero() {
			t.Errorf("in %s: %s, %s, paid %s", state, job.State, job.Reason, job.Paid)
		}
		ms, _, _ := s.out.next()
		if len(ms) != 1 || *ms[0].(*protocol.Status) != (protocol.Status{State: protocol.StateFailed, Reason: protocol.ReasonRigError, Detail: "the rig cannot go on"}) {
			t.Errorf("in %s the requester was told %+v", state, ms)
		}
	}
}

// fundedChain is a chain on which every channel holds as much.
type fundedChain protocol.Amount

func (c fundedChain) Channel(context.Context, protocol.Channel) (protocol.ChannelState, error) {
	return protocol.ChannelState{Funded: protocol.Amount(c)}, nil
}

// TestChannelThatCannotBeKept holds that a rig whose journal fails says so, and does
// not blame the channel, nor tell its requester about its disk.
func TestChannelThatCannotBeKept(t *testing.T) {
	b := &book{known: map[protocol.Hash]bool{}}
	p := newRig(t, b)
	n, q := negotiate(t, p, newKey(t))
	n.in <- n.accept(t, q)
	<-n.done
	p.cfg.Chain = fundedChain(q.Agreement.MaxTotal)
	b.fail = errors.New("journal of Alice: no space left")
	want := protocol.FundingRefused{Reason: protocol.ReasonRigError, Detail: "the rig cannot write its journal"}
	if ev := n.session.funding(t.Context(), n.session.rec); ev != want {
		t.Errorf("%+v, want %+v", ev, want)
	}
}

// TestEndThatCannotBeKept holds that a job gives its slot back also where its end
// finds no room in the journal, and that its requester does not wait for more.
func TestEndThatCannotBeKept(t *testing.T) {
	b := &book{known: map[protocol.Hash]bool{}}
	p := newRig(t, b)
	n, q := negotiate(t, p, newKey(t))
	n.in <- n.accept(t, q)
	<-n.done
	s := n.session
	s.booked, s.rec.Job.State = true, protocol.StateStaging
	s.ticket, _ = p.slots.take(need{slots: 1})
	b.fail = errors.New("no space left")
	s.step(t.Context(), protocol.StopIn{})
	if !s.rec.Job.Ended || p.slots.free() != p.cfg.Slots {
		t.Errorf("ended %t, %d of %d slots are free", s.rec.Job.Ended, p.slots.free(), p.cfg.Slots)
	}
	if ms, closed, _ := s.out.next(); len(ms) != 1 || !closed {
		t.Errorf("the requester was told %+v, and the stream is closed: %t", ms, closed)
	}
}

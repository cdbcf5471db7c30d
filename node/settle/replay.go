package settle

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/core/types"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
)

// replay turns logs, in order, into events, and follows every channel's state.
type replay struct {
	past   *protocol.Past
	owners []protocol.Address
	token  protocol.Address
	bonds  map[protocol.Hash]*bindings.EscrowBonded
}

// event reads one log; nil is one that moves none of the token.
func (r *replay) event(log *types.Log) (*protocol.EscrowEvent, error) {
	switch log.Topics[0] {
	case tokenEvents().Events["Transfer"].ID:
		return r.transfer(log)
	case escrowEvents().Events["Deposited"].ID:
		v, err := escrowABI.UnpackDepositedEvent(log)
		if err != nil {
			return nil, err
		}
		return amountOf(&protocol.EscrowEvent{Kind: protocol.EventDeposited, To: protocol.Address(v.Owner)}, v.Amount)
	case escrowEvents().Events["Withdrawn"].ID:
		v, err := escrowABI.UnpackWithdrawnEvent(log)
		if err != nil {
			return nil, err
		}
		return amountOf(&protocol.EscrowEvent{Kind: protocol.EventWithdrawn, From: protocol.Address(v.Owner), To: protocol.Address(v.To)}, v.Amount)
	case escrowEvents().Events["ChannelFunded"].ID, escrowEvents().Events["Redeemed"].ID,
		escrowEvents().Events["CloseRequested"].ID, escrowEvents().Events["ChannelClosed"].ID:
		return r.channel(log)
	default:
		return r.bond(log)
	}
}

func amountOf(e *protocol.EscrowEvent, v *big.Int) (_ *protocol.EscrowEvent, err error) {
	e.Amount, err = protocol.AmountFromBig(v)
	return e, err
}

func (r *replay) transfer(log *types.Log) (*protocol.EscrowEvent, error) {
	v, err := tokenABI.UnpackTransferEvent(log)
	if err != nil {
		return nil, err
	}
	e := &protocol.EscrowEvent{Kind: protocol.EventReceived, From: protocol.Address(v.From), To: protocol.Address(v.To)}
	if slices.Contains(r.owners, e.From) {
		e.Kind = protocol.EventSent
	}
	return amountOf(e, v.Value)
}

// channel applies an event to its channel's state.
func (r *replay) channel(log *types.Log) (*protocol.EscrowEvent, error) {
	id := protocol.Hash(log.Topics[1])
	e := &protocol.EscrowEvent{ID: id, Channel: r.past.Channels[id], State: r.past.States[id]}
	st := &e.State
	var err error
	switch log.Topics[0] {
	case escrowEvents().Events["ChannelFunded"].ID:
		var v *bindings.EscrowChannelFunded
		if v, err = escrowABI.UnpackChannelFundedEvent(log); err != nil {
			return nil, err
		}
		e.Channel = protocol.Channel{Payer: protocol.Address(v.Payer), Signer: protocol.Address(v.Signer), Payee: protocol.Address(v.Payee),
			Operator: protocol.Address(v.Operator), Token: protocol.Address(v.Token)}
		e.Kind, e.From, st.Epoch, st.ClosesAt = protocol.EventFunded, e.Channel.Payer, v.Epoch, 0
		if e, err = amountOf(e, v.Amount); err == nil {
			st.Funded, err = protocol.AmountFromBig(v.Funded)
		}
		r.past.Channels[id] = e.Channel
	case escrowEvents().Events["Redeemed"].ID:
		var v *bindings.EscrowRedeemed
		if v, err = escrowABI.UnpackRedeemedEvent(log); err != nil {
			return nil, err
		}
		before := st.Claimed
		e.Kind, e.To = protocol.EventRedeemed, e.Channel.Payee
		if st.Claimed, err = protocol.AmountFromBig(v.Claimed); err == nil {
			e.Amount, err = st.Claimed.Sub(before)
		}
	case escrowEvents().Events["CloseRequested"].ID:
		var v *bindings.EscrowCloseRequested
		if v, err = escrowABI.UnpackCloseRequestedEvent(log); err != nil {
			return nil, err
		}
		e.Kind, st.ClosesAt = protocol.EventCloseRequest, uint64(v.ClosesAt)
	default:
		var v *bindings.EscrowChannelClosed
		if v, err = escrowABI.UnpackChannelClosedEvent(log); err != nil {
			return nil, err
		}
		e.Kind, e.To, *st = protocol.EventClosed, e.Channel.Payer, protocol.ChannelState{Epoch: v.Epoch + 1}
		e, err = amountOf(e, v.Refunded)
	}
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", id.Short(), err)
	}
	r.past.States[id] = *st
	if e.Channel.Token != r.token {
		return nil, nil
	}
	return e, nil
}

func (r *replay) bond(log *types.Log) (*protocol.EscrowEvent, error) {
	id := protocol.Hash(log.Topics[1])
	e := &protocol.EscrowEvent{ID: id}
	var amount *big.Int
	switch log.Topics[0] {
	case escrowEvents().Events["Bonded"].ID:
		v, err := escrowABI.UnpackBondedEvent(log)
		if err != nil {
			return nil, err
		}
		r.bonds[id] = v
		e.Kind, e.From, amount = protocol.EventBonded, protocol.Address(v.Owner), v.Amount
	case escrowEvents().Events["BondReleased"].ID:
		v, err := escrowABI.UnpackBondReleasedEvent(log)
		if err != nil {
			return nil, err
		}
		e.Kind, amount = protocol.EventReleased, v.Amount
		if b := r.bonds[id]; b != nil {
			e.To = protocol.Address(b.Owner)
		}
	case escrowEvents().Events["Slashed"].ID:
		v, err := escrowABI.UnpackSlashedEvent(log)
		if err != nil {
			return nil, err
		}
		e.Kind, e.To, amount = protocol.EventSlashed, protocol.Address(v.Beneficiary), v.Amount
		if b := r.bonds[id]; b != nil {
			e.From = protocol.Address(b.Owner)
		}
	}
	if b := r.bonds[id]; b == nil || protocol.Address(b.Token) != r.token {
		return nil, nil
	}
	return amountOf(e, amount)
}

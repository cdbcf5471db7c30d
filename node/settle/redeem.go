package settle

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
)

const (
	maxVouchersPerTx = 500       // near 7 million gas, and 60 KB of the 128 KiB that nodes pass on
	maxRedeemGas     = 8_000_000 // half of what EIP-7825 lets a transaction use
	maxRedeeming     = maxInFlight / 2
)

// errTooMuchGas is why a batch is halved before it is sent.
var errTooMuchGas = errors.New("the transaction would use too much gas")

// pool is what one transaction may redeem together.
type pool struct {
	payee, operator, token protocol.Address
}

// Redeem pays out what vouchers grant, to their payees' wallets (or accounts, for a
// payee that cannot receive). It sends one transaction per payee, operator and
// token, more where there are over 500 vouchers or 8 million gas, and none for
// those that pay nothing. One that is not rightly signed for its channel is left out
// and in the error, which does not keep the others from being paid; a batch that the
// contract refuses is halved until what it refuses is alone, and in the error.
func (c *Client) Redeem(ctx context.Context, redemptions []protocol.Redemption) ([]protocol.Tx, error) {
	// One after the other, and not before the last is in a block: a voucher whose
	// transaction is on its way would be sent, and its gas paid, a second time.
	select {
	case c.redeeming <- struct{}{}:
		defer func() { <-c.redeeming }()
	case <-ctx.Done():
		return nil, fmt.Errorf("redeem: %w", ctx.Err())
	}
	if err := c.wallet.inBlocks(ctx, "redeem"); err != nil {
		return nil, err
	}
	due, err := c.due(ctx, redemptions)
	sending := &collection{c: c}
	sending.failed(err)
	for _, batch := range pooled(due) {
		sending.send(ctx, batch)
	}
	sending.wait(ctx, 0)
	return sending.txs, errors.Join(sending.errs...)
}

// RedeemFee is what Redeem would cost now, in wei: the gas that the chain estimates,
// at the newest block's base fee and the suggested tip. It is zero where nothing
// would be paid out. Vouchers that are not rightly signed do not count.
func (c *Client) RedeemFee(ctx context.Context, redemptions []protocol.Redemption) (protocol.Amount, error) {
	due, err := c.due(ctx, redemptions)
	if err != nil && len(due) == 0 {
		return protocol.Amount{}, err
	}
	client, err := c.remote.ready(ctx)
	if err != nil {
		return protocol.Amount{}, err
	}
	price, err := c.wallet.gasPrice(ctx, client)
	if err != nil {
		return protocol.Amount{}, err
	}
	var gas uint64
	for _, batch := range pooled(due) {
		used, err := c.wallet.estimate(ctx, client, c.redemption(batch, true))
		if asked := new(RevertError); errors.As(err, &asked) {
			used, err = c.wallet.estimate(ctx, client, c.redemption(batch, false))
		}
		if err != nil {
			return protocol.Amount{}, err
		}
		gas += used
	}
	return capped(price.Mul(price, new(big.Int).SetUint64(gas))), nil
}

// pooled is what each transaction redeems: of one pool, and not too many.
func pooled(due []protocol.Redemption) (batches [][]protocol.Redemption) {
	last := map[pool]int{} // index of the pool's batch that has room
	for _, r := range due {
		p := pool{r.Channel.Payee, r.Channel.Operator, r.Channel.Token}
		i, known := last[p]
		if !known || len(batches[i]) == maxVouchersPerTx {
			i = len(batches)
			last[p] = i
			batches = append(batches, nil)
		}
		batches[i] = append(batches[i], r)
	}
	return batches
}

// collection is one Redeem under way.
type collection struct {
	c       *Client
	flights []*flight
	txs     []protocol.Tx
	errs    []error
}

func (s *collection) failed(err error) {
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

// send sends a batch, in halves where the contract refuses it or it is too large.
func (s *collection) send(ctx context.Context, batch []protocol.Redemption) {
	s.wait(ctx, maxRedeeming-1)
	f, err := s.c.sendRedemption(ctx, batch)
	var revert *RevertError
	switch {
	case err == nil:
		s.flights = append(s.flights, f)
	case len(batch) > 1 && (errors.As(err, &revert) || errors.Is(err, errTooMuchGas)):
		half := len(batch) / 2
		s.send(ctx, batch[:half])
		s.send(ctx, batch[half:])
	case len(batch) == 1:
		s.failed(fmt.Errorf("redeem channel %s for %s: %w", batch[0].Channel.ID(), batch[0].Channel.Payee, err))
	default:
		s.failed(fmt.Errorf("redeem %d vouchers for %s: %w", len(batch), batch[0].Channel.Payee, err))
	}
}

// wait waits for the oldest transactions until only so many are left.
func (s *collection) wait(ctx context.Context, left int) {
	for len(s.flights) > left {
		tx, err := s.c.wallet.wait(ctx, s.flights[0])
		if s.flights = s.flights[1:]; err == nil {
			s.txs = append(s.txs, tx)
		}
		s.failed(err)
	}
}

// sendRedemption pays the payee or, when the contract refuses that, credits it.
func (c *Client) sendRedemption(ctx context.Context, batch []protocol.Redemption) (*flight, error) {
	f, err := c.wallet.send(ctx, c.redemption(batch, true))
	var revert *RevertError
	if errors.As(err, &revert) {
		return c.wallet.send(ctx, c.redemption(batch, false))
	}
	return f, err
}

// redemption is the call for one pool's vouchers.
func (c *Client) redemption(batch []protocol.Redemption, payout bool) call {
	first := batch[0].Channel
	payee, operator, token := common.Address(first.Payee), common.Address(first.Operator), common.Address(first.Token)
	if len(batch) == 1 {
		detail := fmt.Sprintf("channel %s up to %s", first.ID(), batch[0].Voucher.Voucher.Cumulative)
		return c.escrowCall("redeem", detail, escrowABI.PackRedeem(payee, operator, token, packed(batch[0]), payout))
	}
	records := make([]byte, 0, len(batch)*recordBytes)
	for _, r := range batch {
		records = appendRecord(records, r)
	}
	together := c.escrowCall("redeem", fmt.Sprintf("%d vouchers for %s", len(batch), first.Payee),
		escrowABI.PackRedeemPacked(payee, operator, token, records, payout))
	together.most = maxRedeemGas
	return together
}

// payOrCredit sends a call that pays its recipient, or, when the contract refuses
// that beforehand, credits the recipient's account.
func (c *Client) payOrCredit(ctx context.Context, build func(payout bool) call) (protocol.Tx, error) {
	tx, err := c.wallet.do(ctx, build(true))
	var revert *RevertError
	if errors.As(err, &revert) && revert.Tx.IsZero() {
		return c.wallet.do(ctx, build(false))
	}
	return tx, err
}

// recordBytes is a packed voucher: payer, signer, epoch, cumulative, r and vs.
const recordBytes = 20 + 20 + 4 + 12 + 64

func appendRecord(to []byte, r protocol.Redemption) []byte {
	v := r.Voucher.Voucher
	to = append(to, r.Channel.Payer[:]...)
	to = append(to, r.Channel.Signer[:]...)
	to = binary.BigEndian.AppendUint32(to, v.Epoch)
	var cumulative [12]byte
	v.Cumulative.Big().FillBytes(cumulative[:])
	to = append(to, cumulative[:]...)
	return append(to, r.Voucher.Signature[:]...)
}

func packed(r protocol.Redemption) bindings.Voucher {
	v := bindings.Voucher{
		Payer: common.Address(r.Channel.Payer), Signer: common.Address(r.Channel.Signer),
		Epoch: r.Voucher.Voucher.Epoch, Cumulative: r.Voucher.Voucher.Cumulative.Big(),
	}
	v.R, v.Vs = halves(r.Voucher.Signature)
	return v
}

// halves are r and vs of an EIP-2098 signature.
func halves(sig protocol.Signature) (r, vs [32]byte) {
	return [32]byte(sig[:32]), [32]byte(sig[32:])
}

// due keeps the highest voucher of each channel that would pay something now. Its
// error joins one per voucher that is not signed as it must be.
func (c *Client) due(ctx context.Context, redemptions []protocol.Redemption) ([]protocol.Redemption, error) {
	best := map[protocol.Hash]int{} // channel to index in kept
	var kept []protocol.Redemption
	var errs []error
	for _, r := range redemptions {
		if err := r.Voucher.Verify(c.domain, r.Channel, r.Voucher.Voucher.Epoch); err != nil {
			errs = append(errs, fmt.Errorf("voucher of channel %s left out: %w", r.Channel.ID(), err))
			continue
		}
		i, known := best[r.Voucher.Voucher.Channel]
		switch {
		case !known:
			best[r.Voucher.Voucher.Channel] = len(kept)
			kept = append(kept, r)
		case above(r, kept[i]):
			kept[i] = r
		}
	}
	channels := make([]protocol.Channel, len(kept))
	for i, r := range kept {
		channels[i] = r.Channel
	}
	states, err := c.channelsAt(ctx, channels, "latest")
	if err != nil {
		return nil, errors.Join(append(errs, err)...)
	}
	paying := kept[:0]
	for i, r := range kept {
		v, s := r.Voucher.Voucher, states[i]
		if v.Epoch == s.Epoch && s.Claimed.Less(v.Cumulative) && s.Claimed.Less(s.Funded) {
			paying = append(paying, r)
		}
	}
	return paying, errors.Join(errs...)
}

func above(r, o protocol.Redemption) bool {
	a, b := r.Voucher.Voucher, o.Voucher.Voucher
	return a.Epoch > b.Epoch || a.Epoch == b.Epoch && b.Cumulative.Less(a.Cumulative)
}

package settle

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
)

const (
	maxVouchersPerTx = 200 // near 2.9 million gas
	maxReadBatch     = 50  // channels read in one request
)

// Redemption is a voucher to be paid out, with the channel it is for.
type Redemption struct {
	Channel protocol.Channel
	Voucher protocol.SignedVoucher
}

// pool is what one transaction may redeem together.
type pool struct {
	payee, operator, token protocol.Address
}

// Redeem pays out what vouchers grant, to their payees' wallets (or accounts, for a
// payee that cannot receive). It sends one transaction per payee, operator and
// token, more where there are over 200 vouchers, and none for those that pay
// nothing. One that is not rightly signed for its channel is left out and in the
// error, which does not keep the others from being paid; so is a batch that fails.
func (c *Client) Redeem(ctx context.Context, redemptions []Redemption) ([]protocol.Tx, error) {
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
	var order []pool
	batches := map[pool][]Redemption{}
	for _, r := range due {
		p := pool{r.Channel.Payee, r.Channel.Operator, r.Channel.Token}
		if batches[p] == nil {
			order = append(order, p)
		}
		batches[p] = append(batches[p], r)
	}
	var txs []protocol.Tx
	errs := []error{err}
	for _, p := range order {
		for batch := batches[p]; len(batch) > 0; {
			n := min(len(batch), maxVouchersPerTx)
			tx, err := c.redeem(ctx, p, batch[:n])
			if err != nil {
				errs = append(errs, fmt.Errorf("redeem %d vouchers for %s: %w", n, p.payee, err))
			} else {
				txs = append(txs, tx)
			}
			batch = batch[n:]
		}
	}
	return txs, errors.Join(errs...)
}

func (c *Client) redeem(ctx context.Context, p pool, batch []Redemption) (protocol.Tx, error) {
	payee, operator, token := common.Address(p.payee), common.Address(p.operator), common.Address(p.token)
	detail := fmt.Sprintf("%d vouchers for %s", len(batch), p.payee)
	if len(batch) == 1 {
		detail = fmt.Sprintf("channel %s up to %s", batch[0].Channel.ID(), batch[0].Voucher.Voucher.Cumulative)
	}
	return c.payOrCredit(ctx, func(payout bool) call {
		if len(batch) == 1 {
			return c.escrowCall("redeem", detail, escrowABI.PackRedeem(payee, operator, token, batch[0].packed(), payout))
		}
		vouchers := make([]bindings.Voucher, len(batch))
		for i, r := range batch {
			vouchers[i] = r.packed()
		}
		return c.escrowCall("redeem", detail, escrowABI.PackRedeemMany(payee, operator, token, vouchers, payout))
	})
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

func (r Redemption) packed() bindings.Voucher {
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
func (c *Client) due(ctx context.Context, redemptions []Redemption) ([]Redemption, error) {
	best := map[protocol.Hash]int{} // channel to index in kept
	var kept []Redemption
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
		case r.above(kept[i]):
			kept[i] = r
		}
	}
	states, err := c.channels(ctx, kept)
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

func (r Redemption) above(o Redemption) bool {
	a, b := r.Voucher.Voucher, o.Voucher.Voucher
	return a.Epoch > b.Epoch || a.Epoch == b.Epoch && b.Cumulative.Less(a.Cumulative)
}

// channels reads the newest state of each redemption's channel.
func (c *Client) channels(ctx context.Context, rs []Redemption) ([]protocol.ChannelState, error) {
	client, err := c.remote.ready(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]protocol.ChannelState, 0, len(rs))
	for len(rs) > 0 {
		n := min(len(rs), maxReadBatch)
		answers := make([]hexutil.Bytes, n)
		batch := make([]rpc.BatchElem, n)
		for i, r := range rs[:n] {
			msg := map[string]any{"to": c.domain.Escrow, "input": hexutil.Bytes(escrowABI.PackChannel(r.Channel.ID()))}
			batch[i] = rpc.BatchElem{Method: "eth_call", Args: []any{msg, "latest"}, Result: &answers[i]}
		}
		if err := client.Client().BatchCallContext(ctx, batch); err != nil {
			return nil, c.remote.failure("read channels", err)
		}
		for i := range batch {
			if batch[i].Error != nil {
				return nil, c.remote.failure("read a channel", batch[i].Error)
			}
			state, err := unpackChannel(answers[i])
			if err != nil {
				return nil, fmt.Errorf("decode channel %s: %w", rs[i].Channel.ID(), err)
			}
			states = append(states, state)
		}
		rs = rs[n:]
	}
	return states, nil
}

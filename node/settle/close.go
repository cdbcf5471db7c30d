package settle

import (
	"context"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/protocol"
)

// RequestClose starts the grace after which this key, the payer, may take a
// channel's rest back. Reverts (RevertError) are NotOpen and AlreadyClosing.
func (c *Client) RequestClose(ctx context.Context, ch protocol.Channel) (protocol.Tx, error) {
	if err := c.mine(ch); err != nil {
		return protocol.Tx{}, err
	}
	return c.wallet.do(ctx, c.escrowCall("request_close", "channel "+ch.ID().String(), escrowABI.PackRequestClose(
		common.Address(ch.Payee), common.Address(ch.Operator), common.Address(ch.Signer), common.Address(ch.Token))))
}

// FinalizeClose ends a channel of this key after the grace; the rest goes to the
// account. Reverts are NotClosing and TooEarly, which goes by the newest block's time.
func (c *Client) FinalizeClose(ctx context.Context, ch protocol.Channel) (protocol.Tx, error) {
	if err := c.mine(ch); err != nil {
		return protocol.Tx{}, err
	}
	return c.wallet.do(ctx, c.escrowCall("finalize_close", "channel "+ch.ID().String(), escrowABI.PackFinalizeClose(
		common.Address(ch.Payee), common.Address(ch.Operator), common.Address(ch.Signer), common.Address(ch.Token), false)))
}

// CloseByPayer ends a channel of this key at once with its operator's consent. The
// payee's account is credited with what it has not had of consent.FinalCumulative,
// this key's account with the rest. A consent that is not the operator's for this
// channel is a FieldError; reverts are NotOpen, BadCumulative, BadConsent (another epoch).
func (c *Client) CloseByPayer(ctx context.Context, ch protocol.Channel, consent protocol.Close, sig protocol.Signature) (protocol.Tx, error) {
	if err := c.mine(ch); err != nil {
		return protocol.Tx{}, err
	}
	if id := ch.ID(); consent.Channel != id {
		return protocol.Tx{}, &protocol.FieldError{Field: "close.channel", Limit: id.String(), Got: consent.Channel.String()}
	}
	if _, err := protocol.CheckSignature("close.signature", consent.Digest(c.domain), sig, ch.Operator); err != nil {
		return protocol.Tx{}, err
	}
	r, vs := halves(sig)
	return c.wallet.do(ctx, c.escrowCall("close", "channel "+ch.ID().String()+" at "+consent.FinalCumulative.String(),
		escrowABI.PackCloseByPayer(common.Address(ch.Payee), common.Address(ch.Operator), common.Address(ch.Signer),
			common.Address(ch.Token), consent.FinalCumulative.Big(), r, vs, false)))
}

// CloseByPayee ends a channel at once from the payee's side, whose payee or operator
// this key must be: the voucher is paid out and the payer's account gets the rest.
// A voucher whose cumulative is zero needs no signature. Reverts are
// NotPayeeOrOperator, NotOpen, BadEpoch and BadSignature.
func (c *Client) CloseByPayee(ctx context.Context, ch protocol.Channel, voucher protocol.SignedVoucher) (protocol.Tx, error) {
	if v := voucher.Voucher; !v.Cumulative.IsZero() {
		if err := voucher.Verify(c.domain, ch, v.Epoch); err != nil {
			return protocol.Tx{}, err
		}
	}
	v := packed(protocol.Redemption{Channel: ch, Voucher: voucher})
	return c.payOrCredit(ctx, func(payout bool) call {
		return c.escrowCall("close", "channel "+ch.ID().String()+" at "+voucher.Voucher.Cumulative.String(),
			escrowABI.PackCloseByPayee(common.Address(ch.Payee), common.Address(ch.Operator), common.Address(ch.Token), v, payout))
	})
}

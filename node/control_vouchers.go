package node

import (
	"net/http"

	"github.com/rerig/rerig/protocol"
)

// HeldVoucher is the highest voucher of a channel that pays this node, with all
// that anybody needs to redeem it without this node (SPEC §7.2). State is the
// channel as this node last saw it.
type HeldVoucher struct {
	ID      protocol.Hash         `json:"id"`
	Domain  protocol.Domain       `json:"domain"`
	Channel protocol.Channel      `json:"channel"`
	State   protocol.ChannelState `json:"state"`
	protocol.SignedVoucher
}

// vouchers lists what this node holds, redeemed or not, sorted by channel.
func (c *control) vouchers(r *http.Request) (any, error) {
	chans, err := c.n.journal.InChannels(r.Context())
	if err != nil {
		return nil, err
	}
	held := []HeldVoucher{}
	for _, ch := range chans {
		if ch.Best.Voucher.Cumulative.IsZero() {
			continue // funded, and nothing paid yet
		}
		held = append(held, HeldVoucher{ch.Channel.ID(), ch.Domain, ch.Channel, ch.State, ch.Best})
	}
	return held, nil
}

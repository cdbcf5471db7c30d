package node

import (
	"fmt"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
)

// openMoney opens a client for each of the node's keys, and the treasury that minds
// what they have.
func (n *Node) openMoney() (err error) {
	p := n.cfg.Profile
	own := settle.Config{RPC: n.cfg.RPC, Domain: p.Market().Domain, Token: p.Market().Token,
		Key: n.key, Book: n.journal, Confirmations: p.Confirmations, Poll: n.cfg.Poll, Now: n.cfg.Clock, Logger: n.log}
	if n.settle, err = settle.New(own); err != nil {
		return err
	}
	if n.payer = n.settle; n.cfg.Payer != nil {
		n.opened = append(n.opened, n.cfg.Payer)
		if n.cfg.Payer.Address() == n.key.Address() { // two would count its nonces
			return fmt.Errorf("payer %s is this node's own key, which signs for itself; leave --payer and --signer away", n.key.Address())
		}
		payer := own
		payer.Account = n.cfg.Payer
		if n.payer, err = settle.New(payer); err != nil {
			return err
		}
	}
	cfg := treasury.Config{Book: n.journal, Own: chain{n.settle}, Payer: chain{n.payer}, Market: p.Market(),
		EscrowBlock: p.EscrowBlock, Confirmations: p.Confirmations, Exposure: n.cfg.Exposure,
		Text: n.token().Text, Clock: n.cfg.Clock, Logger: n.log}
	if p.nativePrice != nil {
		cfg.Worth = p.nativePrice.tokens
	}
	if n.cfg.Rig != nil {
		cfg.CollectFactor, cfg.Changed = n.cfg.Rig.CollectFactor, n.discovery.Refresh
	}
	n.treasury = treasury.New(cfg)
	return nil
}

// chain is a client as the treasury needs it.
type chain struct{ *settle.Client }

func (c chain) Head() treasury.Head {
	st := c.Status()
	return treasury.Head{Number: st.Head, Time: st.HeadTime, Reorgs: st.Reorgs}
}

func (chain) ValueOf(raw []byte) (protocol.Amount, error) { return settle.ValueOf(raw) }

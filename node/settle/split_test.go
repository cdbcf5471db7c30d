package settle_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

// crowd is vouchers of one unit each, of as many signers, for one payee.
func crowd(t *testing.T, c *chain.Chain, n *node, payee, operator protocol.Address, size int) []protocol.Redemption {
	t.Helper()
	if _, err := n.Deposit(t.Context(), amount(uint64(10*size))); err != nil {
		t.Fatal(err)
	}
	var rs []protocol.Redemption
	for range size {
		session := newKey(t)
		ch := n.channel(c, payee, operator)
		ch.Signer = session.Address()
		v := protocol.Voucher{Channel: ch.ID(), Cumulative: amount(7)}
		rs = append(rs, protocol.Redemption{Channel: ch, Voucher: must(protocol.SignVoucher(v, c.Domain(), session))})
	}
	fundAtOnce(t, c, n, rs)
	return rs
}

// What the contract refuses of one voucher of a batch leaves the others paid: the
// batch is halved until that one is alone, and it is named.
func TestOneBadVoucherBlocksNoOther(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	n, payee := rich(t, c, 1000), newKey(t).Address()
	p := newProxy(t, c)
	rig := join(t, through(c, newKey(t), p.URL))
	enrich(t, c, rig.Address(), 0)
	rs := crowd(t, c, n, payee, rig.Address(), 9)
	bad := strings.TrimPrefix(strings.ToLower(rs[4].Channel.Signer.String()), "0x")
	p.forge(func(method string, request, answer json.RawMessage) json.RawMessage {
		if method != "eth_estimateGas" || !strings.Contains(strings.ToLower(string(request)), bad) {
			return answer
		}
		var m message
		_ = json.Unmarshal(answer, &m)
		m.Result, m.Error = nil, json.RawMessage(`{"code":3,"message":"execution reverted","data":"0x"}`)
		out, _ := json.Marshal(m)
		return out
	})
	txs, err := rig.Redeem(t.Context(), rs)
	if err == nil || !strings.Contains(err.Error(), rs[4].Channel.ID().String()) {
		t.Errorf("the refused voucher is not named: %v", err)
	}
	if len(txs) < 2 || len(txs) > 4 {
		t.Errorf("want the others in 2 to 4 transactions, got%s", describe(txs))
	}
	if got, err := n.Balances(t.Context(), payee); err != nil || got.Wallet != amount(8*7) {
		t.Errorf("payee has %s, %v; want %d", got.Wallet, err, 8*7)
	}
}

// A batch that would use more gas than one transaction may is sent in parts.
func TestRedeemKeepsToTheGasCap(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	n, payee := rich(t, c, 1000), newKey(t).Address()
	p := newProxy(t, c)
	rig := join(t, through(c, newKey(t), p.URL))
	enrich(t, c, rig.Address(), 0)
	rs := crowd(t, c, n, payee, rig.Address(), 6)
	const two = 2 * 240 // hexadecimal digits of two records
	p.forge(func(method string, request, answer json.RawMessage) json.RawMessage {
		if method == "eth_estimateGas" && len(request) > two+2*240 {
			return result(answer, `"0x7a1201"`) // one more than the cap
		}
		return answer
	})
	txs, err := rig.Redeem(t.Context(), rs)
	if err != nil || len(txs) < 2 {
		t.Errorf("redeem: %v%s", err, describe(txs))
	}
	if got, err := n.Balances(t.Context(), payee); err != nil || got.Wallet != amount(6*7) {
		t.Errorf("payee has %s, %v; want %d", got.Wallet, err, 6*7)
	}
}

// The fee is that of the vouchers that would pay, and of nothing else.
func TestRedeemFee(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	n, rig := rich(t, c, 1000), rich(t, c, 0)
	rs := crowd(t, c, n, newKey(t).Address(), rig.Address(), 3)
	fee, err := rig.RedeemFee(t.Context(), rs)
	if err != nil || fee.IsZero() {
		t.Fatalf("fee %s, %v", fee, err)
	}
	txs, err := rig.Redeem(t.Context(), rs)
	if err != nil || len(txs) != 1 {
		t.Fatalf("redeem: %v", err)
	}
	if paid := txs[0].Fee; must(paid.Add(paid)).Less(fee) || must(fee.Add(fee)).Less(paid) {
		t.Errorf("estimated %s wei, paid %s", fee, paid)
	}
	if fee, err := rig.RedeemFee(t.Context(), rs); err != nil || !fee.IsZero() {
		t.Errorf("fee of nothing: %s, %v", fee, err)
	}
}

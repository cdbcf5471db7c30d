package settle_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

func TestRedeem(t *testing.T) {
	c := startChain(t)
	n, rig := rich(t, c, 1000), rich(t, c, 0)
	payee := newKey(t).Address()
	ch := n.channel(c, payee, rig.Address())
	n.open(t, ch, 100)
	redeem := func(cumulative ...uint64) []protocol.Tx {
		t.Helper()
		var rs []protocol.Redemption
		for _, v := range cumulative {
			rs = append(rs, protocol.Redemption{Channel: ch, Voucher: n.voucher(t, c, ch, 0, v)})
		}
		txs, err := rig.Redeem(t.Context(), rs)
		if err != nil {
			t.Fatalf("redeem %v: %v", cumulative, err)
		}
		return txs
	}
	want := func(paid uint64) {
		t.Helper()
		if got, err := n.Balances(t.Context(), payee); err != nil || got.Wallet != amount(paid) {
			t.Errorf("the payee has %s, %v; want %d", got.Wallet, err, paid)
		}
	}
	if txs := redeem(30); len(txs) != 1 || txs[0].Kind != "redeem" {
		t.Errorf("one voucher:%s", describe(txs))
	}
	want(30)
	if txs := redeem(30, 20); len(txs) != 0 {
		t.Errorf("vouchers that pay nothing:%s", describe(txs))
	}
	if txs := redeem(40, 50, 45); len(txs) != 1 {
		t.Errorf("three vouchers of one channel:%s", describe(txs))
	}
	want(50)
	redeem(500) // more than there is: the rest stays claimable
	want(100)
	n.open(t, ch, 20)
	redeem(500)
	want(120)
}

func TestRedeemGroupsByPayee(t *testing.T) {
	c := startChain(t)
	n, other, rig := rich(t, c, 1000), rich(t, c, 1000), rich(t, c, 0)
	mine, theirs := newKey(t).Address(), newKey(t).Address()
	var rs []protocol.Redemption
	add := func(payer *node, payee protocol.Address, cumulative uint64) {
		ch := payer.channel(c, payee, rig.Address())
		payer.open(t, ch, 100)
		rs = append(rs, protocol.Redemption{Channel: ch, Voucher: payer.voucher(t, c, ch, 0, cumulative)})
	}
	add(n, mine, 10)
	add(other, mine, 20)
	add(n, theirs, 40)
	add(other, theirs, 50)
	rs[3].Voucher.Signature[40] ^= 1 // a spoilt one must not keep the others back

	txs, err := rig.Redeem(t.Context(), rs)
	if err == nil || !strings.Contains(err.Error(), "voucher.signature") || !strings.Contains(err.Error(), rs[3].Channel.ID().String()) {
		t.Errorf("the spoilt voucher is not named: %v", err)
	}
	if len(txs) != 2 {
		t.Errorf("want one transaction a payee, got%s", describe(txs))
	}
	for payee, paid := range map[protocol.Address]uint64{mine: 30, theirs: 40} {
		if got, err := n.Balances(t.Context(), payee); err != nil || got.Wallet != amount(paid) {
			t.Errorf("payee has %s, %v; want %d", got.Wallet, err, paid)
		}
	}
}

// A payee that cannot receive native money, as a contract may, is credited instead.
func TestRedeemForPayeeThatCannotReceive(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 0)
	cfg := config(c, newKey(t), newBook())
	cfg.Token = protocol.Address{}
	rig := join(t, cfg)
	enrich(t, c, rig.Address(), 0)
	ch := n.channel(c, c.Token(), rig.Address())
	ch.Token = protocol.Address{}
	n.open(t, ch, 90)
	if _, err := rig.Redeem(t.Context(), []protocol.Redemption{{Channel: ch, Voucher: n.voucher(t, c, ch, 0, 70)}}); err != nil {
		t.Fatalf("redeem: %v", err)
	}
	if got, err := rig.Balances(t.Context(), ch.Payee); err != nil || got.Account != amount(70) || !got.Native.IsZero() {
		t.Errorf("payee has %+v, %v", got, err)
	}
}

func TestRedeemSplitsLargeBatches(t *testing.T) {
	t.Parallel()
	const vouchers = 503
	c := startChain(t)
	n, rig := rich(t, c, 10*vouchers), rich(t, c, 0)
	payee := newKey(t).Address()
	rs := crowd(t, c, n, payee, rig.Address(), vouchers)

	txs, err := rig.Redeem(t.Context(), rs)
	if err != nil || len(txs) != 2 {
		t.Fatalf("redeem: %v%s", err, describe(txs))
	}
	t.Logf("500 vouchers took %d gas, 3 took %d", txs[0].GasUsed, txs[1].GasUsed)
	if got, err := n.Balances(t.Context(), payee); err != nil || got.Wallet != amount(7*vouchers) {
		t.Errorf("payee has %s, %v; want %d", got.Wallet, err, 7*vouchers)
	}
}

// fundAtOnce funds channels from n's account without waiting for each.
func fundAtOnce(t *testing.T, c *chain.Chain, n *node, rs []protocol.Redemption) {
	t.Helper()
	client := dial(t, c)
	key, err := crypto.ToECDSA(n.key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	nonce, err := client.NonceAt(t.Context(), common.Address(n.Address()), nil)
	if err != nil {
		t.Fatal(err)
	}
	escrow, id := common.Address(c.Domain().Escrow), new(big.Int).SetUint64(c.ID())
	sent := uint64(0)
	for part := range slices.Chunk(rs, 100) {
		var lines []bindings.Funding
		for _, r := range part {
			lines = append(lines, bindings.Funding{Payee: common.Address(r.Channel.Payee), Operator: common.Address(r.Channel.Operator),
				Signer: common.Address(r.Channel.Signer), Amount: big.NewInt(10)})
		}
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce + sent, To: &escrow, Data: bindings.NewEscrow().PackFundMany(common.Address(c.Token()), lines),
			Gas: 5_000_000, GasTipCap: big.NewInt(1e6), GasFeeCap: big.NewInt(1e10),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.SendTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	eventually(t, "all channels are funded", func() bool {
		used, err := client.NonceAt(t.Context(), common.Address(n.Address()), nil)
		return err == nil && used == nonce+sent
	})
}

// A voucher whose transaction waits for its block is not sent a second time, by
// somebody who does not know of the first.
func TestRedeemTwiceAtOnceCostsOnce(t *testing.T) {
	c := startChain(t)
	n, rig := rich(t, c, 1000), rich(t, c, 0)
	ch := n.channel(c, newKey(t).Address(), rig.Address())
	n.open(t, ch, 100)
	due := []protocol.Redemption{{Channel: ch, Voucher: n.voucher(t, c, ch, 0, 30)}}
	c.PauseMining()
	redeem := func() error { _, err := rig.Redeem(t.Context(), due); return err }
	first := background(redeem)
	eventually(t, "the first is sent", func() bool { return rig.book.count(protocol.TxPending) == 1 })
	second := background(redeem)
	c.ResumeMining()
	for _, done := range []<-chan error{first, second} {
		if err := await(t, "redeemed", done); err != nil {
			t.Error(err)
		}
	}
	if all := rig.book.all(); len(all) != 1 {
		t.Errorf("journal:%s", describe(all))
	}
}

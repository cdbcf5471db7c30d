package settle_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/ethclient"
	"go.uber.org/goleak"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// go-ethereum's pool of signature workers, one for the whole process.
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"),
	)
}

// patience bounds every wait of these tests.
const patience = 60 * time.Second

// ether is 10^18 wei.
var ether = must(protocol.ParseUnits("1", 18))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func amount(n uint64) protocol.Amount { return protocol.NewAmount(n) }

// book is a journal in memory.
type book struct {
	mu    sync.Mutex
	txs   map[protocol.Hash]protocol.Tx
	onPut func(protocol.Tx) // set before use; called before the first PutTx of a transaction returns
}

func newBook() *book { return &book{txs: map[protocol.Hash]protocol.Tx{}} }

func (b *book) PutTx(ctx context.Context, tx protocol.Tx) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	_, known := b.txs[tx.Hash]
	b.txs[tx.Hash] = tx
	hook := b.onPut
	b.mu.Unlock()
	if hook != nil && !known {
		hook(tx)
	}
	return nil
}

func (b *book) PendingTxs(_ context.Context, from protocol.Address, chainID uint64) ([]protocol.Tx, error) {
	var pending []protocol.Tx
	for _, tx := range b.all() {
		if tx.From == from && tx.ChainID == chainID && tx.Status == protocol.TxPending {
			pending = append(pending, tx)
		}
	}
	return pending, nil
}

func (b *book) MinedTxs(_ context.Context, from protocol.Address, chainID, since uint64) ([]protocol.Tx, error) {
	var mined []protocol.Tx
	for _, tx := range b.all() {
		if tx.From == from && tx.ChainID == chainID && tx.Block >= since && tx.Status.Mined() {
			mined = append(mined, tx)
		}
	}
	return mined, nil
}

// all is every transaction, by nonce and age.
func (b *book) all() []protocol.Tx {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.txs), func(x, y protocol.Tx) int {
		if x.Nonce != y.Nonce {
			return int(x.Nonce) - int(y.Nonce)
		}
		return int(x.Created) - int(y.Created)
	})
}

func (b *book) count(status protocol.TxStatus) (n int) {
	for _, tx := range b.all() {
		if tx.Status == status {
			n++
		}
	}
	return n
}

// node is a client that runs.
type node struct {
	*settle.Client
	key  *protocol.Key
	book *book
	stop func() error // ends Run and returns its error; may be called again
}

func startChain(t *testing.T) *chain.Chain {
	t.Helper()
	c, err := chain.Start(t.Context(), chain.Config{})
	if err != nil {
		t.Fatalf("start the chain: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the chain: %v", err)
		}
	})
	return c
}

func newKey(t *testing.T) *protocol.Key {
	t.Helper()
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// config is a client's for the test dollar.
func config(c *chain.Chain, key *protocol.Key, b *book) settle.Config {
	return settle.Config{RPC: []string{c.URL()}, Domain: c.Domain(), Token: c.Token(), Key: key, Book: b, Poll: 10 * time.Millisecond}
}

// join runs a client until the test ends.
func join(t *testing.T, cfg settle.Config) *node {
	t.Helper()
	client, err := settle.New(cfg)
	if err != nil {
		t.Fatalf("new client: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	n := &node{Client: client, key: cfg.Key.(*protocol.Key), book: cfg.Book.(*book)}
	n.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := n.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return n
}

// rich is a running client with an ether and tokens.
func rich(t *testing.T, c *chain.Chain, tokens uint64) *node {
	t.Helper()
	n := join(t, config(c, newKey(t), newBook()))
	enrich(t, c, n.Address(), tokens)
	return n
}

func enrich(t *testing.T, c *chain.Chain, to protocol.Address, tokens uint64) {
	t.Helper()
	if err := c.Fund(t.Context(), to, ether); err != nil {
		t.Fatalf("fund: %v", err)
	}
	if tokens > 0 {
		if err := c.Mint(t.Context(), to, amount(tokens)); err != nil {
			t.Fatalf("mint: %v", err)
		}
	}
}

// balances requires tokens in the wallet and in the account.
func (n *node) balances(t *testing.T, wallet, account uint64) {
	t.Helper()
	got, err := n.Balances(t.Context(), n.Address())
	if err != nil {
		t.Fatalf("balances: %v", err)
	}
	if got.Wallet != amount(wallet) || got.Account != amount(account) {
		t.Errorf("wallet %s, account %s; want %d and %d", got.Wallet, got.Account, wallet, account)
	}
}

// channel is from n to a payee, with n's own key as voucher signer.
func (n *node) channel(c *chain.Chain, payee, operator protocol.Address) protocol.Channel {
	return protocol.Channel{Payer: n.Address(), Signer: n.Address(), Payee: payee, Operator: operator, Token: c.Token()}
}

// open funds a channel.
func (n *node) open(t *testing.T, ch protocol.Channel, tokens uint64) protocol.ChannelState {
	t.Helper()
	_, state, err := n.Fund(t.Context(), ch, amount(tokens))
	if err != nil {
		t.Fatalf("fund the channel: %v", err)
	}
	return state
}

// voucher is signed by n's key.
func (n *node) voucher(t *testing.T, c *chain.Chain, ch protocol.Channel, epoch uint32, cumulative uint64) protocol.SignedVoucher {
	t.Helper()
	v := protocol.Voucher{Channel: ch.ID(), Epoch: epoch, Cumulative: amount(cumulative)}
	signed, err := protocol.SignVoucher(v, c.Domain(), n.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// eventually polls a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// background runs a call and returns its error later.
func background(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

func await(t *testing.T, what string, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
		return nil
	}
}

func dial(t *testing.T, c *chain.Chain) *ethclient.Client {
	t.Helper()
	client, err := ethclient.Dial(c.URL())
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

func describe(txs []protocol.Tx) (text string) {
	for _, tx := range txs {
		text += fmt.Sprintf("\n  nonce %d %s %s (%s)", tx.Nonce, tx.Kind, tx.Status, tx.Detail)
	}
	return text
}

package settle

import (
	"context"
	"fmt"
	"log/slog"
	"math/big"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/rerig/rerig/protocol"
)

// maxInFlight bounds the transactions of one key that wait to be mined; public
// nodes keep few more.
const maxInFlight = 32

// maxNonceTries bounds how often a transaction is signed again because its nonce
// turned out to be taken.
const maxNonceTries = 4

// call is what a transaction is to do.
type call struct {
	kind   string          // protocol.Tx.Kind
	detail string          // protocol.Tx.Detail
	to     *common.Address // nil creates a contract
	value  protocol.Amount // wei
	data   []byte
	most   uint64 // gas it may take; 0 is any
}

// wallet sends the transactions of one key to one chain: it chooses nonces, signs,
// journals, sends, and follows each transaction until it is confirmed. There must
// be one wallet per key and chain.
type wallet struct {
	remote        *remote
	account       Account
	book          TxBook
	signer        types.Signer
	chainID       uint64
	confirmations uint64
	poll, stuck   time.Duration
	patience      time.Duration
	now           func() time.Time
	log           *slog.Logger

	turn chan struct{} // capacity 1; full while somebody chooses a nonce, signs and sends
	wake chan struct{} // capacity 1; makes run look at once; never closed

	restored atomic.Bool // set by whoever has turn

	reorgs uint64                 // what follows is run's: times that a block was gone
	known  map[uint64]common.Hash // newest blocks, as they were last seen
	top    block                  // newest of them
	remade bool                   // the journal's landed flights were taken up

	mu      sync.Mutex         // guards what follows
	flights map[uint64]*flight // by nonce
	landed  map[uint64]*flight // by nonce: settled, in a block that may yet go
	next    uint64             // one past the highest nonce given out here
}

// flight is a nonce on its way into the chain. run alone changes it.
type flight struct {
	nonce    uint64
	first    protocol.Tx   // as journaled; never changes
	attempts []attempt     // oldest first, never empty; each could be the one mined
	included chan struct{} // closed by run once an attempt is in a block
	done     chan struct{} // closed by run once result and err are final
	result   protocol.Tx
	err      error

	sent   time.Time // last broadcast; zero when it may not have arrived
	priced time.Time // last change of the fee
	passed int       // looks in a row that found the nonce used but no attempt mined
	since  time.Time // the first of these looks
	seen   bool      // included is closed
	mined  bool      // an attempt was in a block at the last look
	block  block     // where it was settled; its hash is zero if that is not known
}

// attempt is one signed transaction of a flight.
type attempt struct {
	entry protocol.Tx
	tx    *types.Transaction
}

// newFlight is a flight whose first attempt may not have arrived.
func newFlight(a attempt, now time.Time) *flight {
	return &flight{nonce: a.entry.Nonce, first: a.entry, attempts: []attempt{a}, priced: now,
		included: make(chan struct{}), done: make(chan struct{})}
}

func newWallet(cfg Config, r *remote) *wallet {
	return &wallet{
		remote: r, account: cfg.account(), book: cfg.Book,
		signer:  types.LatestSignerForChainID(new(big.Int).SetUint64(cfg.Domain.ChainID)),
		chainID: cfg.Domain.ChainID, confirmations: cfg.Confirmations,
		poll: cfg.Poll, stuck: cfg.StuckAfter, patience: cfg.Patience, now: cfg.Now, log: cfg.Logger,
		turn: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		flights: map[uint64]*flight{}, landed: map[uint64]*flight{}, known: map[uint64]common.Hash{},
	}
}

func (w *wallet) address() protocol.Address { return w.account.Address() }

// do sends a transaction and waits until it is confirmed.
func (w *wallet) do(ctx context.Context, c call) (protocol.Tx, error) {
	f, err := w.send(ctx, c)
	if err != nil {
		return protocol.Tx{}, err
	}
	return w.wait(ctx, f)
}

// wait blocks until the flight's outcome is final. When ctx ends first, the
// transaction is still on its way and stays in the journal.
func (w *wallet) wait(ctx context.Context, f *flight) (protocol.Tx, error) {
	select {
	case <-f.done:
		return f.result, f.err
	case <-ctx.Done():
		entry := f.first
		return entry, fmt.Errorf("wait for transaction %s, which is sent and stays in the journal: %w", entry.Hash, ctx.Err())
	}
}

// waitIncluded blocks until the flight is in a block, confirmed or not.
func (w *wallet) waitIncluded(ctx context.Context, f *flight) error {
	select {
	case <-f.included:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for transaction %s, which is sent and stays in the journal: %w", f.first.Hash, ctx.Err())
	}
}

// send journals and broadcasts a transaction. Without an error it is on its way,
// even if the endpoint went away meanwhile.
func (w *wallet) send(ctx context.Context, c call) (*flight, error) {
	client, err := w.remote.ready(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", c.kind, ctx.Err())
	}
	if err := w.restore(ctx); err != nil {
		return nil, err
	}
	if n := w.inFlight(); n >= maxInFlight {
		return nil, fmt.Errorf("%s: %d transactions wait to be mined, the limit: wait for one of them", c.kind, n)
	}
	gas, fee, err := w.price(ctx, client, c)
	if err != nil {
		return nil, err
	}
	for range maxNonceTries {
		f, taken, err := w.sendWith(ctx, client, c, gas, fee)
		if !taken {
			return f, err
		}
	}
	return nil, fmt.Errorf("%s: nonce taken %d times by another program: use this key in one program only, then try again", c.kind, maxNonceTries)
}

// sendWith tries one nonce and reports whether it was taken. The caller holds turn.
func (w *wallet) sendWith(ctx context.Context, client *ethclient.Client, c call, gas uint64, fee fee) (_ *flight, taken bool, _ error) {
	nonce, err := w.nonce(ctx, client)
	if err != nil {
		return nil, false, err
	}
	a, err := w.sign(ctx, c.kind, c.detail, &types.DynamicFeeTx{
		ChainID: w.signer.ChainID(), Nonce: nonce, To: c.to, Value: c.value.Big(), Data: c.data,
		Gas: gas, GasTipCap: fee.tip, GasFeeCap: fee.ceiling,
	})
	if err != nil {
		return nil, false, err
	}
	if err := w.book.PutTx(ctx, a.entry); err != nil {
		return nil, false, fmt.Errorf("%s: journal the transaction before sending it: %w", c.kind, err)
	}
	outcome, err := w.broadcast(ctx, a)
	switch outcome {
	case nonceTaken, refused:
		a.entry.Status = protocol.TxReplaced // the next transaction takes its nonce
		if err := w.book.PutTx(ctx, a.entry); err != nil {
			return nil, false, fmt.Errorf("%s: journal that the transaction was refused: %w", c.kind, err)
		}
		if outcome == nonceTaken {
			w.used(nonce)
			return nil, true, nil
		}
		return nil, false, fmt.Errorf("%s: %w", c.kind, err)
	case unreachable:
		w.log.Warn("transaction journaled, but nobody knows whether it arrived: it is sent again", "tx", a.entry.Hash, "err", err)
		return w.take(a, time.Time{}), false, nil
	}
	return w.take(a, w.now()), false, nil
}

// nonce is the next one: what the chain says, or one past the highest on its way.
func (w *wallet) nonce(ctx context.Context, client *ethclient.Client) (uint64, error) {
	chain, err := client.PendingNonceAt(ctx, common.Address(w.address()))
	if err != nil {
		return 0, w.remote.failure("ask for the nonce", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(chain, w.next), nil
}

func (w *wallet) used(nonce uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = max(w.next, nonce+1)
}

// take makes the attempt's nonce a flight, or adds to that nonce's flight.
func (w *wallet) take(a attempt, sent time.Time) *flight {
	w.mu.Lock()
	defer w.mu.Unlock()
	nonce := a.entry.Nonce
	w.next = max(w.next, nonce+1)
	f := w.flights[nonce]
	if f == nil {
		f = newFlight(a, w.now())
		f.sent = sent
		w.flights[nonce] = f
	} else {
		f.attempts = append(f.attempts, a)
	}
	w.kick()
	return f
}

func (w *wallet) kick() {
	select {
	case w.wake <- struct{}{}:
	default: // run will look anyway
	}
}

func (w *wallet) inFlight() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.flights)
}

// inBlocks waits until nothing of a kind, of an earlier process too, is on its way.
func (w *wallet) inBlocks(ctx context.Context, kind string) error {
	flights, err := w.underWay(ctx)
	if err != nil {
		return err
	}
	for _, f := range flights {
		if f.first.Kind != kind {
			continue
		}
		select {
		case <-f.included:
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for transaction %s, which is sent and stays in the journal: %w", f.first.Hash, ctx.Err())
		}
	}
	return nil
}

// restore takes up the journal's pending transactions, once. The caller holds turn.
func (w *wallet) restore(ctx context.Context) error {
	if w.restored.Load() {
		return nil
	}
	entries, err := w.book.PendingTxs(ctx, w.address(), w.chainID)
	if err != nil {
		return fmt.Errorf("read the journal's pending transactions: %w", err)
	}
	attempts := make([]attempt, 0, len(entries))
	for _, entry := range entries {
		tx := new(types.Transaction)
		if err := tx.UnmarshalBinary(entry.Raw); err != nil {
			return fmt.Errorf("decode journaled transaction %s: %w", entry.Hash, err)
		}
		attempts = append(attempts, attempt{entry, tx})
	}
	for _, a := range attempts {
		w.take(a, time.Time{})
	}
	w.restored.Store(true)
	return nil
}

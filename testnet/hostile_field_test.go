package testnet_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// The prices of the fields below: a tick of 50 CPU milliseconds costs 1000.
const (
	fieldTick  = 50
	fieldPrice = 20_000_000 // per million CPU milliseconds
	tickCost   = fieldTick * fieldPrice / 1_000_000
	jobBudget  = 100 * tickCost
)

// field is a network with one honest rig and one honest requester, on which
// hostile peers are let loose. Its clock can be moved, for the rig only.
type field struct {
	*testnet.Net
	logs       *recorder
	rig, buyer *testnet.Member
	rigPeer    peer.AddrInfo
	purse      *settle.Client // pays for the hostile requesters' channels
	purseKey   *protocol.Key
	spec       protocol.JobSpec // of the guest, which the rig has in its cache
	shift      atomic.Int64     // nanoseconds the rig's clock is ahead
	frozen     atomic.Int64     // unix nanoseconds the rig's clock stands at; 0: it runs
}

func (f *field) rigClock() time.Time {
	if at := f.frozen.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Now().Add(time.Duration(f.shift.Load()))
}

// newField starts the network; the test's end ends it.
func newField(t *testing.T, rig node.RigConfig) *field {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f := &field{logs: new(recorder)}
	net, err := testnet.Start(ctx, testnet.Options{Dir: t.TempDir(), CloseGrace: time.Minute,
		Logger: slog.New(handler{r: f.logs})})
	if err != nil {
		t.Fatal(err)
	}
	f.Net = net
	t.Cleanup(func() {
		if err := net.Close(); err != nil {
			t.Error("close the network:", err)
		}
		if t.Failed() {
			t.Log(f.logs.tail())
		}
	})
	rig.Price, rig.TickUnits = protocol.NewAmount(fieldPrice), fieldTick
	f.rig = f.add(t, "rig", func(c *node.Config) { c.Rig, c.Clock = &rig, f.rigClock })
	f.buyer = f.add(t, "buyer", nil)
	if err := net.Ready(ctx, f.buyer, 1); err != nil {
		t.Fatal(err)
	}
	info, err := f.rig.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f.rigPeer.ID, err = peer.Decode(info.Peer)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range info.Listen {
		addr, err := ma.NewMultiaddr(text)
		if err != nil {
			t.Fatal(err)
		}
		addr, _ = peer.SplitAddr(addr)
		if _, err := addr.ValueForProtocol(ma.P_TCP); err == nil { // so that flow control is the same everywhere
			f.rigPeer.Addrs = append(f.rigPeer.Addrs, addr)
		}
	}
	f.openPurse(t)
	st := f.honest(t, f.buyer)
	job, err := f.buyer.Job(ctx, st.Job.String())
	if err != nil {
		t.Fatal(err)
	}
	f.spec = *job.Spec
	f.spec.Sealed = 0 // of its files, of which it has none: the hostile have no key
	return f
}

func (f *field) market() protocol.Market {
	return protocol.Market{Domain: f.Chain.Domain(), Token: f.Chain.Token()}
}

// add starts a member with money.
func (f *field) add(t *testing.T, name string, adjust func(*node.Config)) *testnet.Member {
	t.Helper()
	m, err := f.Add(t.Context(), name, adjust)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Endow(t.Context(), m.Node.Address()); err != nil {
		t.Fatal(err)
	}
	return m
}

// openPurse makes the address that funds hostile requesters' channels.
func (f *field) openPurse(t *testing.T) {
	t.Helper()
	f.purseKey = newHostileKey(t)
	if err := f.Endow(t.Context(), f.purseKey.Address()); err != nil {
		t.Fatal(err)
	}
	f.purse = outsider(t, f.Net, f.purseKey)
}

// outsider is a chain client of somebody without a node; it forgets its transactions.
func outsider(t *testing.T, n *testnet.Net, key *protocol.Key) *settle.Client {
	t.Helper()
	c, err := settle.New(settle.Config{RPC: []string{n.Chain.URL()}, Domain: n.Chain.Domain(), Token: n.Chain.Token(), Key: key, Book: forgetful{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error("chain client:", err)
		}
	})
	return c
}

// forgetful is the journal of a peer that keeps none.
type forgetful struct{}

func (forgetful) PutTx(context.Context, protocol.Tx) error { return nil }

func (forgetful) MinedTxs(context.Context, protocol.Address, uint64, uint64) ([]protocol.Tx, error) {
	return nil, nil
}

func (forgetful) PendingTxs(context.Context, protocol.Address, uint64) ([]protocol.Tx, error) {
	return nil, nil
}

func newHostileKey(t *testing.T) *protocol.Key {
	t.Helper()
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// order is a job of the guest.
func order(t *testing.T, args ...string) *node.RunRequest {
	t.Helper()
	module, err := filepath.Abs(filepath.Join("testdata", "guest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return &node.RunRequest{Module: module, Args: args, Budget: protocol.NewAmount(jobBudget)}
}

// buy runs an order to its end and returns the end and what it wrote.
func buy(t *testing.T, m *testnet.Member, r *node.RunRequest) (last *node.RunStatus, stdout string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scenarioTime)
	defer cancel()
	st, err := m.Submit(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Follow(ctx, st.ID.String(), true, func(ev node.Event) error {
		if ev.Status != nil {
			last = ev.Status
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	err = m.Follow(ctx, st.ID.String(), false, func(ev node.Event) error {
		if ev.FD == 1 {
			text = append(text, ev.Data...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return last, string(text)
}

// honest buys a small job and insists that it is done and paid.
func (f *field) honest(t *testing.T, buyer *testnet.Member) *node.RunStatus {
	t.Helper()
	st, text := buy(t, buyer, order(t, "print", "served"))
	if !st.Succeeded() || st.State != protocol.StateSettled || text != "served\n" {
		t.Fatalf("an honest job was not served: %s %s %q, output %q", st.State, st.Reason, st.Detail, text)
	}
	return st
}

// within asks until the answer is yes or time is up.
func within(t *testing.T, what string, d time.Duration, ask func() (bool, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := poll(ctx, ask); err != nil {
		t.Fatalf("%s: not within %s: %v", what, d, err)
	}
}

// quiet waits until the rig has no job, no busy slot and no money reserved.
func (f *field) quiet(t *testing.T) {
	t.Helper()
	within(t, "no job left at the rig", 15*time.Second, func() (bool, error) {
		info, err := f.rig.Info(t.Context())
		if err != nil || info.Rig.Active != 0 || info.Rig.FreeSlots != info.Rig.Slots {
			return false, err
		}
		w, err := f.rig.Wallet(t.Context())
		if err != nil {
			return false, err
		}
		for _, c := range w.Channels {
			if !c.Reserved.IsZero() {
				return false, nil
			}
		}
		return true, nil
	})
}

// held is what vouchers in the rig's journal grant out of a channel.
func (f *field) held(t *testing.T, id protocol.Hash) protocol.Amount {
	t.Helper()
	w, err := f.rig.Wallet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Channels {
		if c.ID == id && c.Incoming {
			return c.Vouchers
		}
	}
	return protocol.Amount{}
}

// job is a job as the rig's journal has it, once it has ended.
func (f *field) job(t *testing.T, id protocol.Hash) (job protocol.Job) {
	t.Helper()
	within(t, fmt.Sprintf("job %s ended at the rig", id.Short()), 45*time.Second, func() (bool, error) {
		v, err := f.rig.Job(t.Context(), id.String())
		if err != nil {
			return false, nil //nolint:nilerr // not journaled yet
		}
		job = v.Job
		return job.Ended, nil
	})
	return job
}

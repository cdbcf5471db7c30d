package testnet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// Somebody who has a payer's key cashes a voucher that neither node knows. Both
// notice: the rig takes no more jobs through that channel, but those of others, so
// that no payer can stop it; the payer's node puts no more money into channels.
func TestVoucherThatNoJournalHas(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := shortDir(t)
	n, err := testnet.Start(ctx, testnet.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	add := func(name string, adjust func(*node.Config)) *testnet.Member {
		t.Helper()
		m, err := n.Add(ctx, name, func(c *node.Config) {
			c.Poll = 20 * time.Millisecond
			if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := node.WriteKey(filepath.Join(c.DataDir, "key.json"), keyOf(name), ""); err != nil {
				t.Fatal(err)
			}
			if adjust != nil {
				adjust(c)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Endow(ctx, m.Node.Address()); err != nil {
			t.Fatal(err)
		}
		return m
	}
	rig := add("rig", func(c *node.Config) {
		c.Rig = &node.RigConfig{Price: protocol.NewAmount(1), Slots: 1, TickUnits: 200, Warm: 1}
	})
	payer, other := add("payer", nil), add("other", nil)
	run := func(m *testnet.Member, budget uint64) *node.RunStatus {
		t.Helper()
		if err := n.Ready(ctx, m, 1); err != nil {
			t.Fatal(err)
		}
		st, err := m.Submit(ctx, &node.RunRequest{Module: "testdata/guest.wasm", Args: []string{"print", "x"}, Budget: protocol.NewAmount(budget)})
		if err != nil {
			t.Fatal(err)
		}
		if err := poll(ctx, func() (bool, error) {
			st, err = m.Run(ctx, st.ID.String())
			return err == nil && st.Ended, err
		}); err != nil {
			t.Fatal(err)
		}
		return st
	}
	if st := run(payer, 2); st.State != protocol.StateSettled {
		t.Fatalf("the first job: %+v", st)
	}

	key := keyOf("payer")
	thief, err := settle.New(settle.Config{RPC: []string{n.Chain.URL()}, Domain: n.Chain.Domain(), Token: n.Chain.Token(),
		Key: keyOf("thief"), Book: forgetful{}, Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- thief.Run(ctx) }()
	t.Cleanup(func() { // the test's context is over by then
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := n.Endow(ctx, thief.Address()); err != nil {
		t.Fatal(err)
	}
	ch := protocol.Channel{Payer: key.Address(), Signer: key.Address(), Payee: rig.Node.Address(), Operator: rig.Node.Address(), Token: n.Chain.Token()}
	v, err := protocol.SignVoucher(protocol.Voucher{Channel: ch.ID(), Cumulative: protocol.NewAmount(5)}, n.Chain.Domain(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := thief.Redeem(ctx, []protocol.Redemption{{Channel: ch, Voucher: v}}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*testnet.Member{rig, payer} {
		if err := poll(ctx, func() (bool, error) {
			info, err := m.Info(ctx)
			return err == nil && len(info.Chain.Alarms) == 1 && info.Chain.Alarms[0].Kind == treasury.AlarmClaimed, err
		}); err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
	}
	if st := run(payer, 1); st.State == protocol.StateSettled {
		t.Errorf("a job through the channel: %+v", st)
	}
	if st := run(payer, 1000); st.State == protocol.StateSettled || !strings.Contains(st.Detail, treasury.AlarmClaimed) {
		t.Errorf("a job that needs more in the channel: %+v", st)
	}
	if st := run(other, 2); st.State != protocol.StateSettled {
		t.Errorf("a job of another payer: %+v", st)
	}
}

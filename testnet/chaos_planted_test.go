//go:build unix

package testnet_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// planted are bugs as somebody may write them one day: what a source file of this
// repository says, and what it says with the bug.
var planted = []struct{ file, right, wrong string }{
	{"../node/adapt.go", `	err := b.Journal.PutAndCredit(ctx, rec, v, paid)
`, `	go func() {
		<-make(chan struct{}) // a disk that takes its time
		_ = b.Journal.PutAndCredit(ctx, rec, v, paid)
	}()
	var err error
`},
	{"../node/settle/wallet.go", `	if err := w.book.PutTx(ctx, a.entry); err != nil {
		return nil, false, fmt.Errorf("%s: journal the transaction before sending it: %w", c.kind, err)
	}
	outcome, err := w.broadcast(ctx, a)
`, `	outcome, err := w.broadcast(ctx, a)
	if err := w.book.PutTx(ctx, a.entry); err != nil {
		return nil, false, err
	}
`},
}

// What TestRandomKills looks at tells a rerig that loses money from one that does not:
// one that acknowledges a voucher before it is journaled, and sends a transaction
// before it is. The kills are where the bugs are, so nothing here is random.
func TestKillsFindPlantedBugs(t *testing.T) {
	t.Parallel()
	good, bad := build(t), buildPlanted(t)
	for _, one := range []struct {
		about string
		kill  func(c *chaos)
		told  string // of the bug
	}{
		{"as the rig has acknowledged a voucher", killAcknowledged, "the rig told it so"},
		{"as the requester has sent a transaction", killSent, "its journal has fees of 0"},
	} {
		for _, binary := range []string{good, bad} {
			name := one.about
			if binary == bad {
				name += ", with the bug"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newChaos(t, binary, rand.New(rand.NewPCG(1, 1)))
				c.total, c.broken = &chaosTotals{}, binary == bad
				c.startBoth()
				one.kill(c)
				c.bury(c.rig, "it")
				c.bury(c.buyer, "it")
				switch _, err := c.examine(); {
				case !c.broken && err != nil:
					t.Errorf("found what is not there: %v", err)
				case c.broken && (err == nil || !strings.Contains(err.Error(), one.told)):
					t.Errorf("not found, but %v", err)
				}
				c.startBoth() // and leave nothing behind
			})
		}
	}
}

func (c *chaos) startBoth() {
	c.t.Helper()
	for _, m := range []*mortal{c.rig, c.buyer} {
		m.c = c.scene.start(m.member, m.line...)
	}
	if !c.bothUp() {
		c.t.Fatalf("not up\n%s", c.lastWords())
	}
}

// buildPlanted makes the binary with the bugs in it.
func buildPlanted(t *testing.T) string {
	t.Helper()
	overlay := map[string]string{}
	for _, bug := range planted {
		place, err := filepath.Abs(bug.file)
		if err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile(place)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(source), bug.right) != 1 {
			t.Fatalf("%s has changed: plant the bug anew, in place of\n%s", bug.file, bug.right)
		}
		overlay[place] = filepath.Join(t.TempDir(), filepath.Base(place))
		if err := os.WriteFile(overlay[place], []byte(strings.Replace(string(source), bug.right, bug.wrong, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return buildWith(t, overlay)
}

// killAcknowledged kills both when the requester has seen a job settled.
func killAcknowledged(c *chaos) {
	c.t.Helper()
	api, err := dial(c.ctx, c.buyer)
	c.must(err)
	defer api.Close()
	var last node.RunStatus
	c.until("a job is settled", func() (bool, error) { // the rig's offer may not be here yet
		st, err := api.Submit(c.ctx, &node.RunRequest{Module: c.guest, Args: []string{"print", "x"}, Budget: protocol.NewAmount(chaosBudget)})
		if err != nil {
			return false, err
		}
		err = api.Follow(c.ctx, st.ID.String(), true, func(ev node.Event) error {
			if ev.Status != nil {
				last = *ev.Status
			}
			return nil
		})
		return last.State == protocol.StateSettled, err
	})
}

// killSent kills the requester when the chain has its first transaction, and waits
// until that is mined.
func killSent(c *chaos) {
	c.t.Helper()
	c.buyer.wire.arm(trip{method: "eth_sendRawTransaction", left: 1, after: true, victim: c.buyer.c})
	over := make(chan struct{})
	defer close(over)
	go c.buy(over, [][]string{{"print", "x"}})
	c.until("the requester is killed", func() (bool, error) { return c.buyer.c.ended(), nil })
	books, err := newBooks(c.net)
	c.must(err)
	c.until("its transaction is mined", func() (bool, error) {
		bal, err := books.chain.Balances(c.ctx, c.buyer.key.Address())
		return err == nil && bal.Native.Less(testnet.StartNative), err
	})
}

package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// workplace is a network in this process and the command line of one requester.
type workplace struct {
	*testing.T
	net  *testnet.Net
	dir  string // the requester's
	args []string
}

func newWorkplace(t *testing.T) *workplace {
	t.Helper()
	dir := t.TempDir()
	net, err := testnet.Start(t.Context(), testnet.Options{Dir: dir, CloseGrace: time.Minute, Interval: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	profile := filepath.Join(dir, "local.toml")
	if err := net.Profile.Write(profile); err != nil {
		t.Fatal(err)
	}
	w := &workplace{T: t, net: net, dir: filepath.Join(dir, "me")}
	w.args = []string{"--network", profile, "--data-dir", w.dir}
	addr := strings.TrimSpace(w.rerig(0, "wallet", "init"))
	me, err := protocol.ParseAddress(addr)
	if err == nil {
		err = net.Endow(t.Context(), me)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// rerig runs a command that must end with a code, and returns what it printed.
func (w *workplace) rerig(code int, args ...string) string {
	w.Helper()
	var out, said bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &said}
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	if got := a.execute(ctx, append(append([]string{}, w.args...), args...)); got != code {
		w.Fatalf("%v: exit code %d, want %d\n%s%s", args, got, code, &out, &said)
	}
	return out.String()
}

func replyOf[T any](w *workplace, code int, args ...string) (v T) {
	w.Helper()
	text := w.rerig(code, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		w.Fatalf("%v: %v\n%s", args, err, text)
	}
	return v
}

// balanced is the statement, whose columns must come to the chain's balances.
func (w *workplace) balanced() *treasury.Statement {
	w.Helper()
	st := replyOf[treasury.Statement](w, 0, "wallet", "history")
	if !st.Balanced || len(st.Lines) == 0 {
		w.Fatalf("total %+v, chain %+v", st.Total, st.Chain)
	}
	rows, err := csv.NewReader(strings.NewReader(w.rerig(0, "wallet", "history", "-o", "csv"))).ReadAll()
	if err != nil || len(rows) < len(st.Lines)+1 {
		w.Fatalf("%d rows for %d lines: %v", len(rows), len(st.Lines), err)
	}
	for name, want := range map[string]treasury.Delta{"wallet": st.Chain.Wallet, "account": st.Chain.Account, "locked": st.Chain.Locked, "native": st.Chain.Native} {
		sum := new(big.Int)
		for i, cell := range rows[0] {
			for _, row := range rows[1:] {
				if v, ok := new(big.Int).SetString(row[i], 10); ok && cell == name {
					sum.Add(sum, v)
				}
			}
		}
		if sum.String() != want.String() {
			w.Errorf("column %s comes to %s, the chain has %s", name, sum, want)
		}
	}
	return &st
}

// audited is what the audit finds, with the exit code that says so.
func (w *workplace) audited(differences int) *treasury.Audit {
	w.Helper()
	code := 0
	if differences > 0 {
		code = exitFailed
	}
	r := replyOf[treasury.Audit](w, code, "wallet", "audit")
	if len(r.Differences) != differences || r.Checks < 5 {
		w.Fatalf("%d checks, %d differences, want %d: %+v", r.Checks, len(r.Differences), differences, r.Differences)
	}
	return &r
}

// buyAndVanish runs a small job on the one rig, which then vanishes without collecting.
func (w *workplace) buyAndVanish() {
	w.Helper()
	price, err := protocol.ParseUnits("10", 6)
	if err != nil {
		w.Fatal(err)
	}
	rig, err := w.net.Add(w.Context(), "rig", func(c *node.Config) {
		c.Rig = &node.RigConfig{Price: price, TickUnits: 200, Slots: 1, Warm: 1}
	})
	if err == nil {
		err = w.net.Endow(w.Context(), rig.Node.Address())
	}
	if err == nil {
		err = w.net.Ready(w.Context(), w.net.Bootstrap, 1)
	}
	if err != nil {
		w.Fatal(err)
	}
	w.rerig(0, "run", "-q", "--budget", "5", "lm", "--", "-n", "4", "hello")
	if err := w.net.Remove(rig); err != nil {
		w.Fatal(err)
	}
}

// TestEverythingComesBack: with the rig gone for ever, every coin comes back when the
// grace is over, and all of it is accounted for to the wei.
func TestEverythingComesBack(t *testing.T) {
	w := newWorkplace(t)
	w.buyAndVanish()
	w.audited(0)
	before := w.balanced()
	if before.Chain.Locked.IsZero() || !strings.HasPrefix(before.Total.Vouchers.String(), "-") {
		t.Fatalf("nothing was locked or promised: %+v", before.Total)
	}

	first := replyOf[treasury.Recovery](w, 0, "wallet", "withdraw", "--all")
	if len(first.Txs) != 1 || first.Txs[0].Kind != "request_close" || len(first.Waiting) != 1 || !first.Withdrawn.IsZero() {
		t.Fatalf("first: %+v", first)
	}
	wait := first.Waiting[0]
	if free := time.Unix(int64(wait.FreeAt), 0); free.Before(w.net.Chain.Now()) || wait.Amount.String() != before.Chain.Locked.String() || !wait.Sure.Less(wait.Amount) {
		t.Fatalf("waits %+v", wait)
	}
	again := replyOf[treasury.Recovery](w, 0, "wallet", "withdraw", "--all")
	if len(again.Txs) != 0 || len(again.Waiting) != 1 || again.Waiting[0] != wait {
		t.Fatalf("again: %+v", again)
	}
	if text := w.rerig(0, "wallet", "withdraw", "--all"); !strings.Contains(text, time.Unix(int64(wait.FreeAt), 0).Format(time.DateTime)) {
		t.Fatalf("no time in %s", text)
	}

	if err := w.net.Chain.AdjustTime(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	last := w.takeRest()
	if last.Withdrawn != wait.Amount {
		t.Fatalf("withdrew %s of %s", last.Withdrawn, wait.Amount)
	}
	if none := replyOf[treasury.Recovery](w, 0, "wallet", "withdraw", "--all"); len(none.Txs)+len(none.Waiting) != 0 {
		t.Fatalf("at the end: %+v", none)
	}
	after := w.balanced()
	if after.Chain.Wallet.String() != testnet.StartTokens.String() || !after.Chain.Locked.IsZero() || !after.Chain.Account.IsZero() {
		t.Fatalf("got back %+v", after.Chain)
	}
	w.audited(0)
}

// takeRest withdraws after the grace. The node that the command starts may have ended
// the close itself by then.
func (w *workplace) takeRest() treasury.Recovery {
	w.Helper()
	r := replyOf[treasury.Recovery](w, 0, "wallet", "withdraw", "--all")
	if len(r.Waiting) != 0 || len(r.Txs) == 0 || r.Txs[len(r.Txs)-1].Kind != "withdraw" {
		w.Fatalf("after the grace: %+v", r)
	}
	return r
}

// TestAuditFindsWhatDiffers: a journal that was tampered with, and a channel that it
// does not have; the money of that one comes back too.
func TestAuditFindsWhatDiffers(t *testing.T) {
	w := newWorkplace(t)
	w.buyAndVanish()
	w.audited(0)
	for _, c := range []struct{ table, spoil, want string }{
		{"txs", "DELETE FROM txs WHERE kind = 'open'", "transactions sent"},
		{"channels", "UPDATE channels SET used = x'000000000000000000000001'", "vouchers of this epoch: sum of its jobs"},
	} {
		w.sql("CREATE TABLE kept AS SELECT * FROM " + c.table)
		w.sql(c.spoil)
		r := replyOf[treasury.Audit](w, exitFailed, "wallet", "audit")
		if !slices.ContainsFunc(r.Differences, func(d treasury.Difference) bool { return d.What == c.want }) {
			t.Errorf("%s: found %+v", c.spoil, r.Differences)
		}
		w.sql("DELETE FROM " + c.table)
		w.sql("INSERT INTO " + c.table + " SELECT * FROM kept")
		w.sql("DROP TABLE kept")
		w.audited(0)
	}

	ch := w.fundElsewhere()
	r := w.audited(2)
	text := w.rerig(exitFailed, "wallet", "audit")
	if !strings.Contains(text, "✗ channel "+ch.String()+": on the chain, paid by or to this node") || !strings.Contains(text, "transactions sent") {
		t.Fatalf("found %+v\n%s", r.Differences, text)
	}
	back := replyOf[treasury.Recovery](w, 0, "wallet", "withdraw", "--all")
	if len(back.Waiting) != 2 {
		t.Fatalf("waits for %+v", back.Waiting)
	}
}

func (w *workplace) sql(statement string) {
	w.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "journal.db"))
	if err == nil {
		_, err = db.Exec(statement)
		defer db.Close()
	}
	if err != nil {
		w.Fatalf("%s: %v", statement, err)
	}
}

// fundElsewhere opens a channel with the node's key and another program.
func (w *workplace) fundElsewhere() protocol.Hash {
	w.Helper()
	key, err := node.ReadKey(w.dir, "")
	if err != nil {
		w.Fatal(err)
	}
	other, err := journal.Open(w.TempDir(), journal.Options{})
	if err != nil {
		w.Fatal(err)
	}
	domain, token := w.net.Chain.Domain(), w.net.Chain.Token()
	ctx, stop := context.WithCancel(w.Context())
	ended := make(chan error, 2)
	go func() { ended <- other.Run(ctx) }()
	c, err := settle.New(settle.Config{RPC: []string{w.net.Chain.URL()}, Domain: domain, Token: token, Key: key, Book: other, Poll: 50 * time.Millisecond})
	if err != nil {
		w.Fatal(err)
	}
	go func() { ended <- c.Run(ctx) }()
	ch := protocol.Channel{Payer: key.Address(), Signer: key.Address(), Payee: protocol.Address{1}, Operator: protocol.Address{1}, Token: token}
	_, _, err = c.Fund(ctx, ch, protocol.NewAmount(1_000_000))
	stop()
	for range 2 {
		if e := <-ended; e != nil {
			w.Error(e)
		}
	}
	if err != nil {
		w.Fatal(err)
	}
	other.Close()
	return ch.ID()
}

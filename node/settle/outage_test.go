package settle_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

func TestStartsWithoutTheChain(t *testing.T) {
	c := startChain(t)
	key := newKey(t)
	enrich(t, c, key.Address(), 100)
	c.Pause()
	cfg := config(c, key, newBook())
	cfg.RPC[0] += "/v3/SECRET?key=SECRET"
	n := join(t, cfg)
	eventually(t, "the outage is noticed", func() bool { return n.Status().Reason != "not contacted yet" })
	if n.Online() {
		t.Error("online without an endpoint")
	}
	var offline *settle.OfflineError
	_, err := n.Deposit(t.Context(), amount(5))
	if !errors.As(err, &offline) {
		t.Errorf("deposit without the chain: %v", err)
	}
	for _, text := range []string{err.Error(), n.Status().Reason} {
		if strings.Contains(text, "SECRET") || !strings.Contains(text, "http://127.0.0.1:") {
			t.Errorf("the endpoint's path is in %q, or its host is not", text)
		}
	}
	if err := c.Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the chain is found", n.Online)
	if _, err := n.Deposit(t.Context(), amount(5)); err != nil {
		t.Errorf("deposit: %v", err)
	}
	if s := n.Status(); s.Head == 0 || s.HeadTime.IsZero() || s.Reason != "" {
		t.Errorf("status: %+v", s)
	}
}

func TestOutageInTheMiddle(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 100)
	c.PauseMining()
	done := background(func() error { _, err := n.DepositNative(t.Context(), amount(5)); return err })
	eventually(t, "the transaction is sent", func() bool { return n.book.count(protocol.TxPending) == 1 })
	c.Pause()
	eventually(t, "the outage is noticed", func() bool { return !n.Online() })
	c.ResumeMining()
	if err := c.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := await(t, "the deposit is confirmed", done); err != nil {
		t.Errorf("deposit: %v", err)
	}
	if got := n.book.count(protocol.TxConfirmed); got != 1 {
		t.Errorf("journal:%s", describe(n.book.all()))
	}
}

func TestRefusesTheWrongChain(t *testing.T) {
	c := startChain(t)
	cfg := config(c, newKey(t), newBook())
	cfg.Domain.ChainID = 1
	client, err := settle.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var wrong *settle.ChainIDError
	if err := client.Run(t.Context()); !errors.As(err, &wrong) || wrong.Want != 1 || wrong.Got != c.ID() {
		t.Errorf("run: %v", err)
	}
	if _, err := client.Deposit(t.Context(), amount(1)); !errors.As(err, &wrong) {
		t.Errorf("deposit: %v", err)
	}
	if client.Online() || !strings.Contains(client.Status().Reason, "chain 31337, not chain 1") {
		t.Errorf("status: %+v", client.Status())
	}
}

func TestRefusesTheWrongContract(t *testing.T) {
	c := startChain(t)
	for name, escrow := range map[string]protocol.Address{"nothing": newKey(t).Address(), "the token": c.Token()} {
		t.Run(name, func(t *testing.T) {
			cfg := config(c, newKey(t), newBook())
			cfg.Domain.Escrow = escrow
			client, err := settle.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			var wrong *settle.NotEscrowError
			if err := client.Run(t.Context()); !errors.As(err, &wrong) || wrong.Escrow != escrow {
				t.Errorf("run: %v", err)
			}
			if _, err := client.Balances(t.Context(), client.Address()); !errors.As(err, &wrong) {
				t.Errorf("balances: %v", err)
			}
		})
	}
}

func TestBadConfigsAreRefused(t *testing.T) {
	good := settle.Config{
		RPC: []string{"http://127.0.0.1:1"}, Domain: protocol.Domain{ChainID: 1, Escrow: protocol.Address{1}},
		Key: newKey(t), Book: newBook(),
	}
	if _, err := settle.New(good); err != nil {
		t.Fatalf("a good config: %v", err)
	}
	for name, spoil := range map[string]func(*settle.Config){
		"no chain":               func(c *settle.Config) { c.Domain.ChainID = 0 },
		"no escrow":              func(c *settle.Config) { c.Domain.Escrow = protocol.Address{} },
		"no key":                 func(c *settle.Config) { c.Key = nil },
		"no book":                func(c *settle.Config) { c.Book = nil },
		"no URL":                 func(c *settle.Config) { c.RPC = []string{"localhost"} },
		"a file":                 func(c *settle.Config) { c.RPC = []string{"file://host/path"} },
		"too many confirmations": func(c *settle.Config) { c.Confirmations = 65 },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := settle.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestCancelledCallIsStillFollowed(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 0)
	c.PauseMining()
	ctx, cancel := context.WithCancel(t.Context())
	done := background(func() error { _, err := n.DepositNative(ctx, amount(5)); return err })
	eventually(t, "the transaction is sent", func() bool { return n.book.count(protocol.TxPending) == 1 })
	cancel()
	if err := await(t, "the call ends with its context", done); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled deposit: %v", err)
	}
	c.ResumeMining()
	eventually(t, "the journal learns the outcome", func() bool { return n.book.count(protocol.TxConfirmed) == 1 })
}

// A call that is cancelled after the journal has its transaction and before the
// endpoint has it must not leave a nonce that nobody fills.
func TestCancelBetweenJournalAndEndpoint(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 0)
	ctx, cancel := context.WithCancel(t.Context())
	n.book.onPut = func(protocol.Tx) { cancel() }
	if _, err := n.DepositNative(ctx, amount(5)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled deposit: %v", err)
	}
	eventually(t, "the journal learns the outcome", func() bool { return n.book.count(protocol.TxConfirmed) == 1 })
}

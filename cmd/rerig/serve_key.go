package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/gateway"
	"github.com/rerig/rerig/protocol"
)

// amount reads whole tokens.
func (m money) amount(s string) (protocol.Amount, error) { return protocol.ParseUnits(s, m.Decimals) }

func (a *app) serveKeyCmd(s *serveFlags) *cobra.Command {
	var budget string
	var perMinute int
	add := &cobra.Command{
		Use: "add NAME", Short: "Make a key for somebody and print it, once",
		Args: exactly("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.addKey(s, args[0], budget, perMinute)
		},
	}
	add.Flags().StringVar(&budget, "budget", "", "most that its bearer may spend over all time, in the network's token (default any)")
	add.Flags().IntVar(&perMinute, "rpm", 0, "`requests` a minute (default any)")
	ls := &cobra.Command{
		Use: "ls", Short: "List the keys' names and limits",
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error { return a.listKeys(s) },
	}
	return group("key", "Make and list the keys of `rerig serve`", add, ls)
}

// loadKeys reads the file of keys; without one there are none.
func (a *app) loadKeys(s *serveFlags) (money, []*gateway.Key, error) {
	p, err := a.profile()
	if err != nil {
		return money{}, nil, err
	}
	m := moneyOf(p)
	keys, err := gateway.LoadKeys(a.keysFile(s), m.amount)
	if errors.Is(err, os.ErrNotExist) {
		return m, nil, nil
	}
	return m, keys, err
}

// addKey appends a key's line to the file; only the hash of the key is in it.
func (a *app) addKey(s *serveFlags, name, budget string, perMinute int) error {
	m, keys, err := a.loadKeys(s)
	if err != nil {
		return err
	}
	k := gateway.Key{Name: name, PerMinute: perMinute}
	if name == "" || len(name) > 64 || strings.ContainsAny(name, " \t\n#") {
		return usage("NAME: 1 to 64 bytes without spaces and #, got %q", name)
	}
	for _, other := range keys {
		if other.Name == name {
			return usage("there is a key named %s already", name)
		}
	}
	if perMinute < 0 || perMinute > 1_000_000 {
		return usage("--rpm: 1 to 1000000, got %d", perMinute)
	}
	if budget != "" {
		if k.Budget, err = m.parse("budget", budget); err != nil {
			return err
		}
	}
	secret, hash := gateway.NewSecret()
	k.Hash = hash
	path := a.keysFile(s)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	_, err = fmt.Fprintln(f, k.Line(func(b protocol.Amount) string { return b.Units(m.Decimals) }))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	fmt.Fprintln(a.stdout, secret)
	a.progress().done("key of %s in %s, as a hash; a running `rerig serve` knows it when it is started again", name, path)
	return nil
}

func (a *app) listKeys(s *serveFlags) error {
	m, keys, err := a.loadKeys(s)
	if err != nil {
		return err
	}
	for _, k := range keys {
		limits := "no limits"
		switch {
		case !k.Budget.IsZero() && k.PerMinute > 0:
			limits = fmt.Sprintf("%s, %d requests a minute", m.text(k.Budget), k.PerMinute)
		case !k.Budget.IsZero():
			limits = m.text(k.Budget)
		case k.PerMinute > 0:
			limits = fmt.Sprintf("%d requests a minute", k.PerMinute)
		}
		fmt.Fprintf(a.stdout, "%s\t%s\n", k.Name, limits)
	}
	return nil
}

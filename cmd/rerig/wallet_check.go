package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/keys"
	"github.com/rerig/rerig/protocol"
)

func (a *app) walletCheckCmd() *cobra.Command {
	var k keyFlags
	c := &cobra.Command{
		Use: "check", Short: "Try whether a backup restores the key", Args: exactly(),
		Long: `Try whether a backup restores this node's key, before it is needed: the phrase, read from
standard input or asked for without showing it, or a keystore file. Nothing is written, and
the words are not repeated.`,
		RunE: func(*cobra.Command, []string) error { return a.walletCheck(&k) },
	}
	c.Flags().BoolVar(&k.mnemonic, "mnemonic", false, "read the phrase from standard input")
	c.Flags().StringVar(&k.keystore, "keystore", "", "keystore `file`, as rerig wallet export --keystore printed it")
	c.Flags().StringVar(&k.oldPass, "keystore-passphrase-file", "", "`file` with that keystore's passphrase (default: ask)")
	return c
}

// checkReply is what `rerig wallet check -o json` prints.
type checkReply struct {
	Address  protocol.Address `json:"address"`
	Restores bool             `json:"restores"`
}

func (a *app) walletCheck(k *keyFlags) error {
	if k.mnemonic == (k.keystore != "") {
		return usage("what to check: --mnemonic, or --keystore FILE; see `rerig wallet check --help`")
	}
	_, cfg, err := a.keyConfig()
	if err != nil {
		return err
	}
	own, err := node.ReadKey(cfg.DataDir, cfg.Passphrase)
	if err != nil {
		return err
	}
	backup, err := a.backedUp(k)
	if err != nil {
		return err
	}
	if backup.Address() != own.Address() {
		return fmt.Errorf("the backup restores the key of %s, this node's is of %s; make a new one: rerig wallet export", backup.Address(), own.Address())
	}
	a.progress().done("the backup restores the key of this node")
	return a.print(checkReply{own.Address(), true}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, own.Address())
		return err
	})
}

// backedUp is the key that a backup restores.
func (a *app) backedUp(k *keyFlags) (*protocol.Key, error) {
	if !k.mnemonic {
		return a.foreignKey(k)
	}
	phrase, err := a.readPhrase()
	if err != nil {
		return nil, err
	}
	return keys.FromPhrase(phrase)
}

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/keys"
	"github.com/rerig/rerig/protocol"
)

// keyFlags are the flags of `rerig wallet init`, import and export.
type keyFlags struct {
	mnemonic   bool
	keystore   string // import: the file
	asKeystore bool   // export
	oldPass    string
}

func (a *app) walletKeyCmds() []*cobra.Command {
	var k keyFlags
	init := &cobra.Command{
		Use: "init", Short: "Make the key and show its address", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.walletInit(cmd.Context(), k.mnemonic) },
	}
	init.Flags().BoolVar(&k.mnemonic, "mnemonic", false, "derive it from a new phrase of 24 words, which `rerig wallet export --mnemonic` shows")
	imp := &cobra.Command{
		Use: "import", Short: "Take over a key of another wallet", Args: exactly(),
		Long: `Make this node's key of a phrase of 12 to 24 words (BIP-39, at ` + keys.Path + `),
read from standard input or asked for without showing it, or of a keystore file
(version 3) of any wallet. A key that is there already is not overwritten.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.walletImport(cmd.Context(), &k) },
	}
	imp.Flags().BoolVar(&k.mnemonic, "mnemonic", false, "read a phrase from standard input")
	imp.Flags().StringVar(&k.keystore, "keystore", "", "keystore `file` of another wallet")
	imp.Flags().StringVar(&k.oldPass, "keystore-passphrase-file", "", "`file` with that keystore's passphrase (default: ask)")
	exp := &cobra.Command{
		Use: "export", Short: "Print what restores the key", Args: exactly(),
		Long: `Print the phrase that the key was derived from, or its keystore file, which is
encrypted with the passphrase. Who has the phrase has the money.`,
		RunE: func(*cobra.Command, []string) error { return a.walletExport(&k) },
	}
	exp.Flags().BoolVar(&k.mnemonic, "mnemonic", false, "the phrase")
	exp.Flags().BoolVar(&k.asKeystore, "keystore", false, "the keystore file")
	return []*cobra.Command{init, imp, exp, a.walletCheckCmd()}
}

// initReply is what `rerig wallet init -o json` prints.
type initReply struct {
	Address protocol.Address `json:"address"`
	Key     string           `json:"key"`
	Created bool             `json:"created"`
}

// walletInit makes the key without starting a node.
func (a *app) walletInit(ctx context.Context, phrase bool) error {
	profile, cfg, err := a.keyConfig()
	if err != nil {
		return err
	}
	p := a.progress()
	r := initReply{Key: filepath.Join(cfg.DataDir, keyFile)}
	if phrase {
		words, err := keys.NewPhrase()
		if err != nil {
			return err
		}
		key, err := node.WritePhrase(cfg.DataDir, words, cfg.Passphrase)
		if err != nil {
			return err
		}
		r.Address, r.Created = key.Address(), true
		p.done("key derived from a new phrase; write its words down: rerig wallet export --mnemonic")
	} else if r.Address, r.Created, err = ensureKey(cfg.DataDir, cfg.Passphrase); err != nil {
		return err
	}
	return a.haveKey(ctx, profile, r, p)
}

// keyConfig is a node's configuration as far as its key needs it. It refuses an
// empty passphrase for real money.
func (a *app) keyConfig() (*node.Profile, node.Config, error) {
	profile, err := a.profile()
	if err != nil {
		return nil, node.Config{}, err
	}
	cfg, err := a.nodeConfig(profile)
	return profile, cfg, err
}

// haveKey tells where the key is and, on a test network, gets it coins.
func (a *app) haveKey(ctx context.Context, profile *node.Profile, r initReply, p *progress) error {
	if r.Created {
		p.done("key created in %s; back it up, nobody can restore it", r.Key)
	} else {
		p.line("the key in %s is kept", r.Key)
	}
	if profile.Local && profile.Faucet != "" && r.Created {
		if err := moneyOf(profile).fromFaucet(ctx, profile.Faucet, r.Address, p); err != nil {
			p.warn("faucet: %v", err)
		}
	}
	return a.print(r, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, r.Address)
		return err
	})
}

// walletImport makes the key of a phrase or of a foreign keystore.
func (a *app) walletImport(ctx context.Context, k *keyFlags) error {
	if k.mnemonic == (k.keystore != "") {
		return usage("what to import: --mnemonic, or --keystore FILE; see `rerig wallet import --help`")
	}
	profile, cfg, err := a.keyConfig()
	if err != nil {
		return err
	}
	var key *protocol.Key
	path := filepath.Join(cfg.DataDir, keyFile)
	if k.mnemonic {
		var phrase string
		if phrase, err = a.readPhrase(); err != nil {
			return err
		}
		key, err = node.WritePhrase(cfg.DataDir, phrase, cfg.Passphrase)
	} else if key, err = a.foreignKey(k); err == nil {
		err = node.WriteKey(path, key, cfg.Passphrase)
	}
	if err != nil {
		return err
	}
	return a.haveKey(ctx, profile, initReply{key.Address(), path, true}, a.progress())
}

// readPhrase reads words from the terminal, unseen, or from standard input.
func (a *app) readPhrase() (string, error) {
	var text string
	if in, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		var err error
		if text, err = a.ask(in, "The words, in order: "); err != nil {
			return "", err
		}
	} else {
		b, err := io.ReadAll(io.LimitReader(a.stdin, keys.MaxPhraseBytes+1))
		if err != nil {
			return "", fmt.Errorf("read the phrase: %w", err)
		}
		text = string(b)
	}
	phrase, err := keys.ParsePhrase(text)
	if err != nil {
		return "", &exitError{exitUsage, err}
	}
	return phrase, nil
}

func (a *app) foreignKey(k *keyFlags) (*protocol.Key, error) {
	f, err := os.Open(k.keystore)
	if err != nil {
		return nil, usage("--keystore: %w", err)
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, keys.MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("--keystore: %w", err)
	}
	pass := ""
	if k.oldPass != "" {
		if pass, err = readPassphrase(k.oldPass); err != nil {
			return nil, err
		}
	} else if in, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		if pass, err = a.ask(in, "Passphrase of "+k.keystore+": "); err != nil {
			return nil, err
		}
	}
	key, err := keys.OpenKeystore(file, pass)
	if err != nil {
		return nil, fmt.Errorf("--keystore %s: %w; --keystore-passphrase-file is that file's, --passphrase-file this node's", k.keystore, err)
	}
	return key, nil
}

// exportReply is what `rerig wallet export --mnemonic -o json` prints.
type exportReply struct {
	Mnemonic string `json:"mnemonic"`
	Path     string `json:"path"` // of the key in the phrase's tree
}

// walletExport prints a secret, once the passphrase has proved whose it is.
func (a *app) walletExport(k *keyFlags) error {
	if k.mnemonic == k.asKeystore {
		return usage("what to export: --mnemonic or --keystore; see `rerig wallet export --help`")
	}
	_, cfg, err := a.keyConfig()
	if err != nil {
		return err
	}
	if k.mnemonic {
		phrase, err := node.ReadPhrase(cfg.DataDir, cfg.Passphrase)
		if err != nil {
			return err
		}
		return a.print(exportReply{phrase, keys.Path}, func(w io.Writer) error {
			_, err := fmt.Fprintln(w, phrase)
			return err
		})
	}
	if _, err := node.ReadKey(cfg.DataDir, cfg.Passphrase); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(cfg.DataDir, keyFile))
	if err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", b)
	return err
}

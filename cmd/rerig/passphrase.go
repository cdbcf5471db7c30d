package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/rerig/rerig/node"
)

const maxPassphrase = 4 << 10 // bytes

// passphrase comes from --passphrase-file or, for real money, from the terminal. On
// test networks it may be empty.
func (a *app) passphrase(p *node.Profile) (string, error) {
	if a.passphraseFile != "" {
		return readPassphrase(a.passphraseFile)
	}
	if p.Local {
		return "", nil
	}
	in, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", usage("network %s deals in real money, so its key needs a passphrase; give --passphrase-file", p.Name)
	}
	pass, err := a.ask(in, "Passphrase of the key: ")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(a.dir(), keyFile)); err == nil {
		return pass, nil
	}
	again, err := a.ask(in, "A new key is made. The passphrase again: ")
	if err != nil {
		return "", err
	}
	if pass == "" || pass != again {
		return "", usage("the two are not equal, or empty; no key was made, try again")
	}
	return pass, nil
}

func (a *app) ask(in *os.File, prompt string) (string, error) {
	fmt.Fprint(a.stderr, prompt)
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		return "", fmt.Errorf("read the passphrase: %w", err)
	}
	return string(b), nil
}

// readPassphrase is a file's text without its last line's end.
func readPassphrase(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("passphrase file: %w; give another --passphrase-file", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPassphrase+1))
	if err != nil {
		return "", fmt.Errorf("passphrase file: %w", err)
	}
	if len(b) > maxPassphrase {
		return "", fmt.Errorf("passphrase file %s: at most %d bytes", path, maxPassphrase)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

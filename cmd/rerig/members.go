package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// prepareMembers makes data directories with keys, and empties those of an earlier
// chain but for their keys.
func prepareMembers(ctx context.Context, dir string, rigs int) (members []testnetMember, err error) {
	names := []string{}
	for i := range rigs {
		names = append(names, "rig-"+strconv.Itoa(i+1))
	}
	names = append(names, requesterDir)
	for _, name := range append(slices.Clone(names), bootstrapDir, "node") {
		if err := forgetChain(ctx, filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		m := testnetMember{Name: name, DataDir: filepath.Join(dir, name)}
		if m.Address, _, err = ensureKey(m.DataDir, ""); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

// forgetChain removes all but the key and its phrase from a test member's directory.
func forgetChain(ctx context.Context, dir string) error {
	if c, err := client.Connect(ctx, dir); err == nil {
		return errors.Join(fmt.Errorf("a node of an earlier test network runs in %s; end it first, or give another --dir", dir), c.Close())
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("test network directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, keyFile)); err != nil && len(entries) > 0 {
		return fmt.Errorf("%s is not a node's data directory; move it away or give another --dir", dir)
	}
	for _, e := range entries {
		if e.Name() == keyFile || e.Name() == phraseFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("test network directory: %w", err)
		}
	}
	return nil
}

// The key's and its phrase's names in a data directory (SPEC §8.1).
const (
	keyFile    = "key.json"
	phraseFile = "phrase.json"
)

// ensureKey makes a data directory's key, or reads the address of the one that is
// there.
func ensureKey(dir, passphrase string) (addr protocol.Address, created bool, err error) {
	path := filepath.Join(dir, keyFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		key, err := protocol.NewKey()
		if err != nil {
			return addr, false, err
		}
		return key.Address(), true, node.WriteKey(path, key, passphrase)
	}
	if err != nil {
		return addr, false, fmt.Errorf("key file: %w", err)
	}
	var stored struct {
		Address string `json:"address"`
	}
	if err := json.Unmarshal(b, &stored); err != nil {
		return addr, false, fmt.Errorf("key file %s is damaged (%w); restore it from your backup", path, err)
	}
	if addr, err = protocol.ParseAddress("0x" + stored.Address); err != nil {
		return addr, false, fmt.Errorf("key file %s is damaged (%w); restore it from your backup", path, err)
	}
	return addr, false, nil
}

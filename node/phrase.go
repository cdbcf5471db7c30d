package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/node/keys"
	"github.com/rerig/rerig/protocol"
)

// phraseFile holds the phrase that the key was derived from, encrypted as the key
// is; a directory whose key was drawn or imported has none.
const phraseFile = "phrase.json"

// ErrNoPhrase is a key that was not derived from a phrase.
var ErrNoPhrase = errors.New("this key was not made from a phrase; `rerig wallet export --keystore` backs it up")

// WritePhrase stores a phrase and the key derived from it in a data directory that
// has no key (SPEC §2.1). The phrase comes first: after a crash there is no key
// without it.
func WritePhrase(dir, phrase, passphrase string) (*protocol.Key, error) {
	key, err := keys.FromPhrase(phrase)
	if err != nil {
		return nil, err
	}
	if err := noKey(dir); err != nil {
		return nil, err
	}
	sealed, err := keys.SealPhrase(phrase, passphrase)
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(dir, phraseFile), sealed, 0o600); err != nil {
		return nil, err
	}
	return key, WriteKey(filepath.Join(dir, keyFile), key, passphrase)
}

func noKey(dir string) error {
	path := filepath.Join(dir, keyFile)
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("key file %s exists; it is not overwritten, move it away first", path)
	}
	return nil
}

// ReadPhrase is the phrase of a data directory's key: ErrNoPhrase where the key was
// not derived from one, ErrPassphrase where the passphrase is wrong.
func ReadPhrase(dir, passphrase string) (string, error) {
	key, err := ReadKey(dir, passphrase)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, phraseFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoPhrase
	}
	if err != nil {
		return "", fmt.Errorf("phrase file: %w", err)
	}
	phrase, err := keys.OpenPhrase(b, passphrase)
	if errors.Is(err, keys.ErrPassphrase) {
		return "", ErrPassphrase
	}
	if err != nil {
		return "", fmt.Errorf("phrase file %s is damaged (%w); back up the key with `rerig wallet export --keystore`", path, err)
	}
	if again, err := keys.FromPhrase(phrase); err != nil || again.Address() != key.Address() {
		return "", ErrNoPhrase // of a key that was here before
	}
	return phrase, nil
}

// ReadKey opens the key of a data directory and makes none.
func ReadKey(dir, passphrase string) (*protocol.Key, error) {
	path := filepath.Join(dir, keyFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("key file: %w; `rerig wallet init` makes one", err)
	}
	return loadKey(dir, passphrase)
}

package node

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/rerig/rerig/node/keys"
	"github.com/rerig/rerig/protocol"
)

// Files of a data directory (SPEC §8.1).
const (
	lockFile   = "lock"
	keyFile    = "key.json"
	socketFile = "control.sock"
)

// LockedError says that another node has the data directory.
type LockedError struct {
	Dir string
	PID int // 0 when it cannot be told
}

// Error names the directory, the process and the way out.
func (e *LockedError) Error() string {
	who := "another rerig"
	if e.PID != 0 {
		who = fmt.Sprintf("rerig with process ID %d", e.PID)
	}
	return fmt.Sprintf("data directory %s is in use by %s; talk to it (rerig ps), or give another --data-dir", e.Dir, who)
}

// lockDir takes the directory for this process; one node per directory.
func lockDir(dir string) (*flock.Flock, error) {
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("data directory: %w; choose one you may write with --data-dir", err)
	}
	path := filepath.Join(dir, lockFile)
	l := flock.New(path, flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data directory %s: %w; choose one you may write with --data-dir", dir, err)
	}
	if !ok {
		b, _ := os.ReadFile(path) // without it the process is only unnamed
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		return nil, &LockedError{Dir: dir, PID: pid}
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("lock data directory %s: %w", dir, err), l.Unlock())
	}
	return l, nil
}

// ErrPassphrase is a passphrase that does not open the key file.
var ErrPassphrase = errors.New("wrong passphrase for the key file; give the right one with --passphrase-file")

// loadKey opens the directory's key, or makes one on first use (SPEC §2.1). An
// empty passphrase is for test networks: the file's mode is then its only guard.
func loadKey(dir, passphrase string) (*protocol.Key, error) {
	path := filepath.Join(dir, keyFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := protocol.NewKey()
		if err != nil {
			return nil, err
		}
		return key, WriteKey(path, key, passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	key, err := keys.OpenKeystore(b, passphrase)
	if errors.Is(err, keys.ErrPassphrase) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s is damaged (%w); restore it from your backup", path, err)
	}
	return key, nil
}

// WriteKey stores a key as a geth keystore v3 file; an existing file is an error,
// never overwritten.
func WriteKey(path string, key *protocol.Key, passphrase string) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("key file %s exists; it is not overwritten, move it away first", path)
	}
	n, p := keystore.StandardScryptN, keystore.StandardScryptP
	if passphrase == "" { // nothing to guess, so nothing to slow down
		n, p = 2, 1
	}
	priv, err := toECDSA(key)
	if err != nil {
		return err
	}
	b, err := keystore.EncryptKey(&keystore.Key{Id: uuid.New(), Address: common.Address(key.Address()), PrivateKey: priv}, passphrase, n, p)
	if err != nil {
		return fmt.Errorf("encrypt key: %w", err)
	}
	return writeFile(path, b, 0o600)
}

func toECDSA(key *protocol.Key) (*ecdsa.PrivateKey, error) {
	priv, err := crypto.ToECDSA(key.Bytes())
	if err != nil {
		return nil, errors.New("key: not a secp256k1 scalar") // without the cause: it could hold the bytes
	}
	return priv, nil
}

// writeFile replaces a file so that after a crash it is the old or the new one,
// whole.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
	}
	syncDir(dir)
	return nil
}

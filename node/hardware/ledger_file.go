package hardware

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// LedgerFile is the ledger's name in a node's data directory.
const LedgerFile = "cards.json"

const (
	bookVersion = 1
	maxBook     = 4 << 20
	lockPause   = 5 * time.Millisecond
	lockTime    = 30 * time.Second // holding it takes two syncs
)

// kept is an error of a change that is to be written all the same.
type kept struct{ error }

func keep(err error) error { return kept{err} }

// change reads the book under the lock, brings it up to date, lets f change it, and
// replaces it, synced, before it returns. An error of f leaves it as it was, unless f
// asks to keep the change.
func (l *Ledger) change(ctx context.Context, f func(b *book, now time.Time) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(l.cfg.Path), 0o700); err != nil {
		return fmt.Errorf("ledger of cards: %w", err)
	}
	lock := flock.New(l.cfg.Path+".lock", flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, lockPause); err != nil {
		return fmt.Errorf("lock the ledger of cards %s, which another rerig may hold: %w", l.cfg.Path, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	b, err := l.load()
	if err != nil {
		return err
	}
	defer l.cfg.Locks.keep(b)
	was, err := json.Marshal(b)
	if err != nil {
		return err
	}
	now := l.cfg.Now()
	b.settle(now, l.cfg.Processes.alive)
	failed := f(b, now)
	var k kept
	if failed != nil && !errors.As(failed, &k) {
		return failed
	}
	if k.error != nil {
		failed = k.error
	}
	is, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if !bytes.Equal(was, is) {
		b.Seq++
		if err := l.save(b); err != nil {
			return err
		}
	}
	return failed
}

// load reads the book as it is; one that is not there is empty.
func (l *Ledger) load() (*book, error) {
	st, err := os.Stat(l.cfg.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return &book{Version: bookVersion}, nil
	}
	var raw []byte
	if err == nil && st.Size() > maxBook {
		err = fmt.Errorf("%d bytes, more than %d", st.Size(), maxBook)
	}
	if err == nil {
		raw, err = readFile(l.cfg.Path, maxBook)
	}
	b := &book{}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		err = d.Decode(b)
	}
	if err == nil && b.Version != bookVersion {
		err = fmt.Errorf("version %d, want %d", b.Version, bookVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger of cards %s cannot be read: %w; with no job running, delete it to start anew", l.cfg.Path, err)
	}
	return b, nil
}

func (l *Ledger) save(b *book) error {
	raw, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return err
	}
	if err := writeDurably(l.cfg.Path, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the ledger of cards %s: %w", l.cfg.Path, err)
	}
	return nil
}

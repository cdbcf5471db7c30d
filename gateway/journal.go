package gateway

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/rerig/rerig/protocol"
)

// FileName is the journal's name in the gateway's directory.
const FileName = "gateway.db"

const (
	schemaVersion = 1
	maxPending    = 1024 // entries that wait for the disk
	keepRequests  = 90 * 24 * time.Hour
)

// entry is what the journal has of a request.
type entry struct {
	At      time.Time
	Key     string // "" where none is asked for
	Path    string
	Model   string
	Rig     string
	Job     string
	Status  int
	Read    uint64 // tokens of the prompt that were paid for
	Made    uint64
	Cost    protocol.Amount // base units
	Took    time.Duration
	First   time.Duration // till the first token; 0 where there was none
	Problem string
}

// journal is the gateway's memory: every request with its cost, what each key spent, and
// the files and batches. Begin with openJournal; Run writes the requests.
type journal struct {
	db      *sql.DB
	entries chan entry    // never closed; run receives
	stopped chan struct{} // closed by run
}

const schema = `
CREATE TABLE requests (at INTEGER NOT NULL, key TEXT NOT NULL, path TEXT NOT NULL, model TEXT NOT NULL, rig TEXT NOT NULL,
  job TEXT NOT NULL, status INTEGER NOT NULL, read INTEGER NOT NULL, made INTEGER NOT NULL, cost TEXT NOT NULL,
  took_us INTEGER NOT NULL, first_us INTEGER NOT NULL, problem TEXT NOT NULL);
CREATE INDEX requests_at ON requests (at);
CREATE TABLE spent (key TEXT PRIMARY KEY, cost TEXT NOT NULL);
CREATE TABLE files (id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE batches (id TEXT PRIMARY KEY, owner TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL);
`

// openJournal opens or makes the journal in dir. A newer program's is refused.
func openJournal(dir string) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("gateway's directory: %w", err)
	}
	path := filepath.Join(dir, FileName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("gateway's journal: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("gateway's journal: %w", err)
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{"_pragma": {
		"busy_timeout(1000)", "locking_mode(EXCLUSIVE)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "cache_size(-512)", "mmap_size(0)"}}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("gateway's journal: %w", err)
	}
	db.SetMaxOpenConns(1)
	if err := migrate(db); err != nil {
		return nil, errors.Join(fmt.Errorf("gateway's journal %s: %w; only one `rerig serve` at a time can use it", path, err), db.Close())
	}
	return &journal{db: db, entries: make(chan entry, maxPending), stopped: make(chan struct{})}, nil
}

func migrate(db *sql.DB) error {
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version == schemaVersion:
		return nil
	case version != 0:
		return fmt.Errorf("version %d is of a newer rerig than this one, which knows %d", version, schemaVersion)
	}
	_, err := db.Exec("BEGIN;" + schema + fmt.Sprintf("PRAGMA user_version = %d; COMMIT", schemaVersion))
	return err
}

// spent is what each key has spent in all.
func (j *journal) spent() (out map[string]protocol.Amount, err error) {
	rows, err := j.db.Query("SELECT key, cost FROM spent")
	if err != nil {
		return nil, fmt.Errorf("gateway's journal: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = map[string]protocol.Amount{}
	for rows.Next() {
		var key, cost string
		if err := rows.Scan(&key, &cost); err != nil {
			return nil, fmt.Errorf("gateway's journal: %w", err)
		}
		if out[key], err = protocol.ParseAmount(cost); err != nil {
			return nil, fmt.Errorf("gateway's journal: %w", err)
		}
	}
	return out, rows.Err()
}

// add has a request written. It waits where the disk is slower than the requests.
func (j *journal) add(e entry) {
	select {
	case j.entries <- e:
	case <-j.stopped: // and the gateway with it
	}
}

// run writes requests until ctx ends, many in one transaction where many come.
func (j *journal) run(ctx context.Context) error {
	defer close(j.stopped)
	for {
		select {
		case e := <-j.entries:
			if err := j.write(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return j.rest()
		}
	}
}

// rest writes what still waits.
func (j *journal) rest() error {
	for {
		select {
		case e := <-j.entries:
			if err := j.write(e); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// write writes an entry and all that wait behind it.
func (j *journal) write(e entry) error {
	tx, err := j.db.Begin()
	if err != nil {
		return fmt.Errorf("gateway's journal: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing behind a commit
	costs := map[string]protocol.Amount{}
	for more := true; more; {
		if _, err := tx.Exec("INSERT INTO requests VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", e.At.UnixMilli(), e.Key, e.Path, e.Model, e.Rig,
			e.Job, e.Status, int64(e.Read), int64(e.Made), e.Cost.String(), e.Took.Microseconds(), e.First.Microseconds(), e.Problem); err != nil {
			return fmt.Errorf("gateway's journal: %w", err)
		}
		costs[e.Key] = sum(costs[e.Key], e.Cost)
		select {
		case e = <-j.entries:
		default:
			more = false
		}
	}
	for key, cost := range costs {
		if err := charge(tx, key, cost); err != nil {
			return fmt.Errorf("gateway's journal: %w", err)
		}
	}
	if _, err := tx.Exec("DELETE FROM requests WHERE at < ?", e.At.Add(-keepRequests).UnixMilli()); err != nil {
		return fmt.Errorf("gateway's journal: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("gateway's journal: %w", err)
	}
	return nil
}

// charge adds a cost to what a key has spent.
func charge(tx *sql.Tx, key string, cost protocol.Amount) error {
	if cost.IsZero() {
		return nil
	}
	var before string
	err := tx.QueryRow("SELECT cost FROM spent WHERE key = ?", key).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if before != "" {
		had, err := protocol.ParseAmount(before)
		if err != nil {
			return err
		}
		cost = sum(had, cost)
	}
	_, err = tx.Exec("INSERT INTO spent VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET cost = excluded.cost", key, cost.String())
	return err
}

// Package journal is the node's memory (SPEC §6.6): every job, voucher, receipt
// and transaction is in its SQLite file, fsynced, before it is acted on. It also
// keeps the two books of money: what this node promised on its outgoing channels
// and what was credited on its incoming ones, each with the reservations of the
// jobs under way, so that concurrent jobs can never spend one coin twice.
//
// Open the journal, start Run in a goroutine of its own, and use the methods from
// anywhere. Writes wait for Run; reads do not need it and never wait for a writer.
package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// FileName is the journal's name in the data directory.
const FileName = "journal.db"

const pageSize = 4096

// maxViews is how many snapshots are open at once; whoever wants another waits.
const maxViews = 4

// Options tune a journal; the zero value is right for a node.
type Options struct {
	// MaxBytes bounds the database file, rounded down to 4,096-byte pages.
	// Writes past it fail with ErrFull. 0 is no bound but the disk.
	MaxBytes int64
}

// Journal is an open journal file. Its methods may be called concurrently.
type Journal struct {
	file    string
	writer  *sql.DB   // owns conn alone
	conn    *sql.Conn // used by Run only
	readers *sql.DB
	parsed  sync.Map      // query to *sql.Stmt of readers, which closes them
	views   chan struct{} // holds an element for each snapshot that is open

	writes  chan *write   // unbuffered, never closed: callers send, Run receives
	stop    chan struct{} // closed by Close
	done    chan struct{} // closed by Run when it ends, or by Close when Run never began
	started atomic.Bool   // Run began, or never will
	failure error         // why Run ended early; written before done is closed, read after

	closing  sync.Once
	closeErr error
}

// Open opens dir/journal.db, making both when they do not exist. A file that is
// damaged (ErrDamaged), newer than this program (*SchemaError) or not writable is
// refused and left as it was.
func Open(dir string, o Options) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w; choose another with --data", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the data directory: %w", err)
	}
	j := &Journal{file: filepath.Join(dir, FileName), views: make(chan struct{}, maxViews), writes: make(chan *write),
		stop: make(chan struct{}), done: make(chan struct{})}
	made, err := makeFile(j.file)
	if err != nil {
		return nil, fmt.Errorf("journal %s cannot be written: %w; check the owner and the mode of its directory", j.file, err)
	}
	if err := j.open(o); err != nil {
		_ = j.closeFiles() // the error of opening is the one to report
		if made {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(j.file + suffix)
			}
		}
		return nil, j.explain(err)
	}
	return j, nil
}

// makeFile makes an empty file that only its owner can read, durably, or checks
// that the present one can be written.
func makeFile(file string) (made bool, err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		if f, err = os.OpenFile(file, os.O_RDWR, 0); err != nil {
			return false, err
		}
		return false, f.Close()
	}
	if err != nil {
		return false, err
	}
	if err := f.Close(); err != nil || runtime.GOOS == "windows" { // which has no fsync of directories
		return true, err
	}
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return true, err
	}
	return true, errors.Join(d.Sync(), d.Close())
}

// open connects. The caches are small because an idle node must be: 512 KiB for
// the writer, 256 KiB a reader, and no memory map.
func (j *Journal) open(o Options) (err error) {
	ctx := context.Background() // opening is local work that nothing cancels
	if j.writer, err = sql.Open("sqlite", dsn(j.file, "rw", "busy_timeout(5000)", "cache_size(-512)", "mmap_size(0)")); err != nil {
		return err
	}
	j.writer.SetMaxOpenConns(1)
	if j.conn, err = j.writer.Conn(ctx); err != nil {
		return err
	}
	version, err := checkFile(ctx, j.conn, j.file)
	if err != nil {
		return err
	}
	pragmas := []string{"page_size = 4096", "journal_mode = WAL", "synchronous = FULL", "fullfsync = 1", "checkpoint_fullfsync = 1",
		"foreign_keys = 1", "journal_size_limit = 8388608"}
	if o.MaxBytes > 0 {
		pragmas = append(pragmas, fmt.Sprintf("max_page_count = %d", max(o.MaxBytes/pageSize, 1)))
	}
	for _, p := range pragmas {
		if _, err := j.conn.ExecContext(ctx, "PRAGMA "+p); err != nil {
			return err
		}
	}
	if err := migrate(ctx, j.conn, version); err != nil {
		return err
	}
	j.readers, err = sql.Open("sqlite", dsn(j.file, "ro", "busy_timeout(5000)", "cache_size(-256)", "mmap_size(0)", "query_only(1)"))
	if err != nil {
		return err
	}
	j.readers.SetMaxOpenConns(maxViews + 1) // a snapshot's query is parsed on another connection than its own
	j.readers.SetMaxIdleConns(1)
	return nil
}

func dsn(file, mode string, pragmas ...string) string {
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"mode": {mode}, "_pragma": pragmas}.Encode()}
	return u.String()
}

// Close ends Run, waits for it, and closes the file. Calls under way that were
// not yet durable fail with ErrClosed. It may be called more than once.
func (j *Journal) Close() error {
	j.closing.Do(func() {
		close(j.stop)
		if j.started.CompareAndSwap(false, true) {
			close(j.done)
		}
		<-j.done
		j.closeErr = j.closeFiles()
	})
	return j.closeErr
}

// closeFiles closes the writer last: the last connection of a file moves its log
// into it, which a read-only one cannot.
func (j *Journal) closeFiles() error {
	var errs []error
	if j.readers != nil {
		errs = append(errs, j.readers.Close())
	}
	if j.conn != nil {
		errs = append(errs, j.conn.Close())
	}
	if j.writer != nil {
		errs = append(errs, j.writer.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close journal %s: %w", j.file, err)
	}
	return nil
}

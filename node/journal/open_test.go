package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// fill makes a journal with something in it and returns its file.
func fill(t *testing.T, dir string, jobs uint64) string {
	t.Helper()
	j, err := Open(dir, Options{})
	must(t, err)
	ran := make(chan error, 1)
	go func() { ran <- j.Run(t.Context()) }()
	for n := range jobs {
		rec := record(protocol.RoleRig, n, n)
		rec.Spec = bytes.Repeat([]byte{byte(n)}, 5000)
		must(t, j.PutRecord(t.Context(), rec))
	}
	must(t, j.Close())
	must(t, <-ran)
	return filepath.Join(dir, FileName)
}

// refused opens the journal, which must fail with all words in the error and
// leave the file as it was.
func refused(t *testing.T, file string, words ...string) error {
	t.Helper()
	before, err := os.ReadFile(file)
	must(t, err)
	j, err := Open(filepath.Dir(file), Options{})
	if err == nil {
		_ = j.Close()
		t.Fatal("opened")
	}
	for _, w := range append(words, file) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	after, rerr := os.ReadFile(file)
	must(t, rerr)
	if !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	return err
}

func TestDamagedFileIsRefusedAndLeft(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"garbage":   func(b []byte) []byte { return bytes.Repeat([]byte("no database "), 1000) },
		"header":    func(b []byte) []byte { clear(b[:100]); return b },
		"page":      func(b []byte) []byte { copy(b[3*pageSize:], bytes.Repeat([]byte{0xa5}, 2*pageSize)); return b },
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			file := fill(t, t.TempDir(), 20)
			b, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, damage(b), 0o600))
			wantIs(t, refused(t, file, "damaged", "restore it from a backup"), ErrDamaged)
		})
	}
}

// TestMoneyIsCheckedInLargeFilesToo, whatever damage there is in old jobs.
func TestMoneyIsCheckedInLargeFilesToo(t *testing.T) {
	for table, want := range map[string]struct{ whole, money bool }{
		"": {true, true}, "channels": {false, false}, "reservations": {false, false}, "txs": {false, false}, "specs": {false, true},
	} {
		t.Run(table, func(t *testing.T) {
			file := fill(t, t.TempDir(), 20)
			db, err := sql.Open("sqlite", dsn(file, "rw"))
			must(t, err)
			if table != "" {
				var page int64
				must(t, db.QueryRow("SELECT rootpage FROM sqlite_schema WHERE name = ?", table).Scan(&page))
				must(t, db.Close())
				f, err := os.OpenFile(file, os.O_RDWR, 0)
				must(t, err)
				_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, pageSize), (page-1)*pageSize)
				must(t, errors.Join(err, f.Close()))
				db, err = sql.Open("sqlite", dsn(file, "rw"))
				must(t, err)
			}
			defer db.Close()
			c, err := db.Conn(t.Context())
			must(t, err)
			defer c.Close()
			for _, whole := range []bool{true, false} {
				verdict, err := health(t.Context(), c, whole)
				good := want.money
				if whole {
					good = want.whole
				}
				if (err == nil && verdict == "ok") != good {
					t.Errorf("whole %t: %q %v", whole, verdict, err)
				}
			}
		})
	}
}

func alter(t *testing.T, file, stmt string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(file, "rwc"))
	must(t, err)
	_, err = db.Exec(stmt)
	must(t, err)
	must(t, db.Close())
}

func TestNewerSchemaIsRefusedAndLeft(t *testing.T) {
	file := fill(t, t.TempDir(), 1)
	alter(t, file, "PRAGMA user_version = 7")
	e := wantAs[*SchemaError](t, refused(t, file, "version 7", "newer rerig"))
	if e.Have != 7 || e.Know != len(migrations) {
		t.Fatalf("got %+v", e)
	}
}

func TestForeignDatabaseIsRefusedAndLeft(t *testing.T) {
	file := filepath.Join(t.TempDir(), FileName)
	alter(t, file, "CREATE TABLE a (b)")
	refused(t, file, "not a Rerig journal")
}

func TestUnusablePlaceIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := Open(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("data directory is a file: %v", err)
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, FileName), 0o700))
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("journal is a directory: %v", err)
	}
	if os.Geteuid() == 0 {
		return // whom modes do not bind
	}
	dir = t.TempDir()
	must(t, os.Chmod(dir, 0o500))
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("directory is read-only: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestFailedCreationLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir, Options{MaxBytes: 2 * pageSize})
	wantIs(t, err, ErrFull)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Fatalf("left behind: %v %v", left, err)
	}
}

func TestOddPathAndPrivateFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b%20?c#d", "µ")
	file := fill(t, dir, 1)
	info, err := os.Stat(file)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	j := start(t, dir, Options{})
	if _, err := j.Record(t.Context(), protocol.RoleRig, num(0)); err != nil {
		t.Error(err)
	}
}

func TestFullDiskRefusesCleanlyAndRecovers(t *testing.T) {
	dir, ctx, ch := t.TempDir(), t.Context(), channel(1)
	j := start(t, dir, Options{MaxBytes: 60 * pageSize})
	must(t, j.SetInChannel(ctx, domain, ch, funded(1000)))
	must(t, j.ReserveIn(ctx, ch.ID(), num(1), amt(1000)))
	var kept []protocol.Hash
	var full error
	for n := uint64(0); full == nil && n < 1000; n++ {
		rec := record(protocol.RoleRig, n, n)
		rec.Spec = bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 4000)
		if full = j.PutRecord(ctx, rec); full == nil {
			kept = append(kept, rec.Job.ID)
		}
	}
	wantIs(t, full, ErrFull)

	// What needs no new page goes on, beside writes that fail in the same batch.
	var wg sync.WaitGroup
	for n := range uint64(8) {
		wg.Go(func() {
			rec := record(protocol.RoleRig, 5000+n, n)
			rec.Spec = bytes.Repeat([]byte{1, byte(n)}, 8000)
			if err := j.PutRecord(ctx, rec); err == nil {
				t.Error("a full journal took a record")
			}
		})
	}
	for paid := uint64(1); paid <= 20; paid++ {
		_, err := j.Credit(ctx, ch.ID(), num(1), voucher(ch, 0, paid), amt(paid))
		must(t, err)
	}
	wg.Wait()
	wantIn(t, j, ch.ID(), 20, 20, 980)
	must(t, j.Close())

	j = start(t, dir, Options{}) // the disk has room again
	recs, err := j.Records(ctx, Query{Limit: MaxLimit})
	must(t, err)
	if len(recs) != len(kept) || len(kept) == 0 {
		t.Fatalf("%d records, %d were acknowledged", len(recs), len(kept))
	}
	must(t, j.PutRecord(ctx, record(protocol.RoleRig, 9999, 1)))
}

func TestWritesAreSyncedToDisk(t *testing.T) {
	j, err := Open(t.TempDir(), Options{})
	must(t, err)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "mmap_size": "0", "foreign_keys": "1"} {
		var got string
		must(t, j.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
	must(t, j.Close())
}

func TestClosedAndEndedJournal(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, Options{})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	unheard, give := context.WithCancel(t.Context())
	give()
	wantIs(t, j.PutMeta(unheard, "k", nil), context.Canceled) // Run has not begun
	ran := make(chan error, 1)
	go func() { ran <- j.Run(ctx) }()
	must(t, j.PutMeta(ctx, "k", []byte("v")))
	if err := j.Run(ctx); err == nil {
		t.Error("a second Run began")
	}
	cancel()
	must(t, <-ran)
	wantIs(t, j.PutMeta(t.Context(), "k", nil), ErrClosed)
	if v, err := j.Meta(t.Context(), "k"); err != nil || string(v) != "v" {
		t.Errorf("read after the end of Run: %q %v", v, err)
	}
	must(t, j.Close())
	must(t, j.Close())
	_, err = j.Meta(t.Context(), "k")
	wantIs(t, err, ErrClosed)
	wantIs(t, j.PutMeta(t.Context(), "k", nil), ErrClosed)
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 1 {
		t.Errorf("after Close: %v, want the journal alone", left)
	}
}

func TestEndOfRunKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, Options{})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- j.Run(ctx) }()
	const writers = 16
	counts := make([]int, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for {
				err := j.PutMeta(t.Context(), fmt.Sprint(w, "-", counts[w]), []byte("v"))
				if err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
				if counts[w]++; w == 0 && counts[w] == 20 {
					cancel()
				}
			}
		})
	}
	wg.Wait()
	must(t, <-ran)
	must(t, j.Close())
	j, err = Open(dir, Options{})
	must(t, err)
	defer func() { must(t, j.Close()) }()
	for w, n := range counts {
		for i := range n {
			if _, err := j.Meta(t.Context(), fmt.Sprint(w, "-", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

package journal

import (
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rerig/rerig/protocol"
)

// Kind is a kind of refusal that callers branch on with errors.Is.
type Kind string

// Error is the kind in words.
func (k Kind) Error() string { return string(k) }

// Kinds.
const (
	ErrNotFound      Kind = "not in the journal"
	ErrClosed        Kind = "the journal is closed"
	ErrFull          Kind = "no space left for the journal; free some disk space, nothing of this write was kept"
	ErrDamaged       Kind = "the journal file is damaged"
	ErrClosing       Kind = "the channel is closing; it takes no new job"
	ErrDomain        Kind = "the channel belongs to another chain or escrow; use another data directory for another network"
	ErrEnded         Kind = "the job has ended"
	ErrNoReservation Kind = "nothing is reserved for the job"
	ErrOtherChannel  Kind = "the job was already paid from another channel"
	ErrLowerTotal    Kind = "the job's total is lower than what was already promised for it"
	ErrLowerVoucher  Kind = "the job's total is lower than what was already credited to it"
	ErrUncovered     Kind = "the jobs' totals exceed the highest voucher of the channel"
)

// Refused reports whether an error is the books' no to what was to be written, which
// is the caller's to answer for. Any other is the journal's own: it could not write.
func Refused(err error) bool {
	var (
		kind  Kind
		short *InsufficientError
		over  *OverBudgetError
		epoch *EpochError
		field *protocol.FieldError
	)
	for _, own := range []Kind{ErrClosed, ErrFull, ErrDamaged} {
		if errors.Is(err, own) {
			return false
		}
	}
	return errors.As(err, &kind) || errors.As(err, &short) || errors.As(err, &over) || errors.As(err, &epoch) || errors.As(err, &field)
}

// InsufficientError says that a channel has less free money than is needed, in
// the token's base units.
type InsufficientError struct{ Free, Need protocol.Amount }

// Error names both amounts.
func (e *InsufficientError) Error() string {
	return fmt.Sprintf("channel underfunded: %s base units needed, %s free; top it up or wait for a job to end", e.Need, e.Free)
}

// OverBudgetError says that a job's total, in base units, exceeds what is
// reserved for it.
type OverBudgetError struct{ Budget, Total protocol.Amount }

// Error names both amounts.
func (e *OverBudgetError) Error() string {
	return fmt.Sprintf("job total %s exceeds its budget of %s base units", e.Total, e.Budget)
}

// EpochError says that something names another epoch of the channel than the
// journal has; Got below Have is stale, above it the channel was closed since.
type EpochError struct{ Have, Got uint32 }

// Error names both epochs.
func (e *EpochError) Error() string {
	return fmt.Sprintf("channel is in epoch %d, not %d; read its state from the chain again", e.Have, e.Got)
}

// AmbiguousError lists up to five of the jobs a prefix may mean, in the order of
// their IDs; More says that there are others.
type AmbiguousError struct {
	Prefix     string
	Candidates []protocol.Hash
	More       bool
}

// Error names the candidates.
func (e *AmbiguousError) Error() string {
	names := make([]string, len(e.Candidates))
	for i, id := range e.Candidates {
		names[i] = id.String()
	}
	more := ""
	if e.More {
		more = " and more"
	}
	return fmt.Sprintf("%q means several jobs: %s%s; give more digits", e.Prefix, strings.Join(names, ", "), more)
}

// SchemaError says that the file was written by a newer rerig.
type SchemaError struct {
	File       string
	Have, Know int
}

// Error names the file, both versions and the way out.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("journal %s has schema version %d, this rerig knows up to %d; run the newer rerig that wrote it",
		e.File, e.Have, e.Know)
}

// explain gives an error of SQLite its kind, where callers branch on it, and the
// name of the file. Any other error is returned as it is.
func (j *Journal) explain(err error) error {
	switch code(err) {
	case 0:
		return err
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("journal %s: %w (%w)", j.file, ErrFull, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged(j.file, err.Error())
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("journal %s cannot be written: %w; check the owner and the mode of its directory", j.file, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("journal %s is held by another process: %w; end the other one", j.file, err)
	}
	return fmt.Errorf("journal %s: %w", j.file, err)
}

// fatal reports errors after which nothing more may be acknowledged: a failed
// fsync, for one, must not be tried again on the same pages.
func fatal(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return true
	}
	return false
}

// code is the primary result code of SQLite in err; 0 when it is not from SQLite.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func damaged(file, what string) error {
	return fmt.Errorf("%w: %s (%s); it was left as it is: restore it from a backup, or move it and its -wal file "+
		"away and start again, which gives up vouchers not yet collected", ErrDamaged, file, what)
}

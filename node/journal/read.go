package journal

import (
	"context"
	"database/sql"
	"fmt"
	"math/big"

	"github.com/rerig/rerig/protocol"
)

// reader is what a query runs in: the writer's transaction or a snapshot.
type reader interface {
	query(query string, args ...any) (*sql.Rows, error)
}

// snapshot is a read-only transaction: all its queries see one moment.
type snapshot struct {
	ctx context.Context
	j   *Journal
	tx  *sql.Tx
}

func (s snapshot) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.j.prepared(s.ctx, query)
	if err != nil {
		return nil, err
	}
	return s.tx.StmtContext(s.ctx, stmt).QueryContext(s.ctx, args...)
}

// prepared keeps each query parsed. Queries are made of this package's constant
// texts, so there are no more of them than it has. Parsing takes a connection beside
// that of the snapshot, and maxViews leaves one: where the snapshots held all of them,
// none could go on.
func (j *Journal) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := j.parsed.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := j.readers.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if kept, twice := j.parsed.LoadOrStore(query, s); twice {
		_ = s.Close() // another caller was faster
		s = kept.(*sql.Stmt)
	}
	return s, nil
}

// view runs f on the state as of now, beside whatever is being written.
func (j *Journal) view(ctx context.Context, f func(reader) error) error {
	select {
	case j.views <- struct{}{}:
		defer func() { <-j.views }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := j.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		if j.isClosed() {
			return ErrClosed
		}
		return j.explain(err)
	}
	defer func() { _ = tx.Rollback() }() // it has changed nothing
	return j.explain(f(snapshot{ctx, j, tx}))
}

func (j *Journal) isClosed() bool {
	select {
	case <-j.stop:
		return true
	default:
		return false
	}
}

// one scans the only row of a query; without one, found is false.
func one(r reader, query string, args []any, dst ...any) (found bool, err error) {
	err = each(r, query, args, func(scan func(...any) error) error {
		found = true
		return scan(dst...)
	})
	return found, err
}

// each calls f for every row.
func each(r reader, query string, args []any, f func(scan func(...any) error) error) (err error) {
	rows, err := r.query(query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			_ = rows.Close() // the error of the row is the one to report
			return err
		}
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return rows.Err()
}

// blob is the amount as it is stored: 12 bytes, big-endian.
func blob(a protocol.Amount) []byte { return a.Big().FillBytes(make([]byte, 12)) }

// money scans what blob made.
type money struct{ a *protocol.Amount }

// Scan implements sql.Scanner.
func (m money) Scan(v any) (err error) {
	b, ok := v.([]byte)
	if !ok || len(b) != 12 {
		return fmt.Errorf("%w: amount column holds %T, not 12 bytes", ErrDamaged, v)
	}
	*m.a, err = protocol.AmountFromBig(new(big.Int).SetBytes(b))
	return err
}

// fixed scans a BLOB into an array of the same length.
type fixed []byte

// Scan implements sql.Scanner.
func (f fixed) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(f) {
		return fmt.Errorf("%w: column holds %T of %d bytes, not %d bytes", ErrDamaged, v, len(b), len(f))
	}
	copy(f, b)
	return nil
}

// word scans an unsigned 64-bit number, which SQLite keeps as a signed one.
type word struct{ v *uint64 }

// Scan implements sql.Scanner.
func (w word) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("%w: number column holds %T", ErrDamaged, v)
	}
	*w.v = uint64(n)
	return nil
}

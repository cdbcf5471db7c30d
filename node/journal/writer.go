package journal

import (
	"context"
	"database/sql"
	"errors"
)

// maxBatch is how many writes share one transaction, and so one fsync, at most.
const maxBatch = 256

// write is one caller's change. do reads and changes the books inside the
// transaction that also holds the other writes of the batch; it may run again
// when the batch is rolled back, so it sets its results afresh each time.
type write struct {
	ctx    context.Context
	do     func(*tx) error
	answer chan error // room for one; the writer answers once, after the commit
}

// write has Run perform do and returns once it is durable or refused: with a nil error
// the change was made, and with one of ctx it was not. A caller that left sooner would
// not know what it has to release.
func (j *Journal) write(ctx context.Context, do func(*tx) error) error {
	w := &write{ctx, do, make(chan error, 1)}
	select {
	case j.writes <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-j.done:
		return j.ended()
	}
	return <-w.answer // Run answers everything it received
}

// result is write with a result.
func result[T any](ctx context.Context, j *Journal, do func(*tx) (T, error)) (T, error) {
	var r, none T
	err := j.write(ctx, func(t *tx) (err error) {
		r, err = do(t)
		return err
	})
	if err != nil {
		return none, err
	}
	return r, nil
}

func (j *Journal) ended() error {
	if j.failure != nil {
		return j.failure
	}
	return ErrClosed
}

// Run is the only writer. While one transaction is being fsynced the callers of
// the next one gather; they go together into the next transaction, and each is
// answered once that is durable. Run returns nil when ctx ends or Close is
// called, after the writes that waited then; an error means that the disk failed
// and that nothing more will be acknowledged.
func (j *Journal) Run(ctx context.Context) error {
	if !j.started.CompareAndSwap(false, true) {
		if j.isClosed() {
			return nil // a node that stops as it starts
		}
		return errors.New("journal: Run is already running")
	}
	defer close(j.done)
	t := &tx{ctx: context.WithoutCancel(ctx), conn: j.conn, stmts: map[string]*sql.Stmt{}}
	defer t.closeStmts()
	batch := make([]*write, 0, maxBatch)
	for {
		select {
		case w := <-j.writes:
			batch = j.gather(append(batch[:0], w))
			j.failure = j.perform(t, batch)
		case <-ctx.Done():
			j.failure = j.drain(t, batch)
			return j.failure
		case <-j.stop:
			j.failure = j.drain(t, batch)
			return j.failure
		}
		if j.failure != nil {
			return j.failure
		}
		clear(batch)
	}
}

// gather adds the writes of the callers that wait now.
func (j *Journal) gather(batch []*write) []*write {
	for len(batch) < maxBatch {
		select {
		case w := <-j.writes:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

// drain performs what waits at the end; whoever comes later is told ErrClosed.
func (j *Journal) drain(t *tx, batch []*write) error {
	for {
		batch = j.gather(batch[:0])
		if err := j.perform(t, batch); err != nil || len(batch) < maxBatch {
			return err
		}
	}
}

// perform commits the batch and answers its callers. Where one write breaks the
// transaction, each is tried in a transaction of its own, so that no caller pays
// for another's error. The error returned is fatal to the journal.
func (j *Journal) perform(t *tx, batch []*write) error {
	errs := make([]error, len(batch))
	err := t.try(batch, errs)
	var broken error
	if err != nil && !fatal(err) && len(batch) > 1 {
		for i := range batch {
			if broken == nil {
				err = t.try(batch[i:i+1], errs[i:i+1])
			}
			if err != nil {
				errs[i] = err
			}
			if fatal(err) {
				broken = err
			}
		}
	} else if err != nil {
		for i := range errs {
			errs[i] = err
		}
		if fatal(err) {
			broken = err
		}
	}
	for i, w := range batch {
		w.answer <- j.explain(errs[i])
	}
	return j.explain(broken)
}

// tx is the transaction under way. Its statements are kept by their constant
// text, so there are no more of them than this package has.
type tx struct {
	ctx     context.Context // Run's, without its end: a commit is never cut short
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	changed bool // since it was last reset
}

// try performs the writes in one transaction. A refusal that has changed nothing
// concerns its own caller and goes to errs; any other error rolls all back.
func (t *tx) try(batch []*write, errs []error) error {
	if len(batch) == 0 {
		return nil
	}
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	changed := false
	for i, w := range batch {
		if errs[i] = w.ctx.Err(); errs[i] != nil {
			continue
		}
		t.changed = false
		errs[i] = w.do(t)
		if errs[i] != nil && (t.changed || code(errs[i]) != 0) {
			return errors.Join(errs[i], t.rollback())
		}
		changed = changed || t.changed
	}
	if !changed {
		return t.rollback()
	}
	if err := t.exec("COMMIT"); err != nil {
		return errors.Join(err, t.rollback())
	}
	return nil
}

// rollback ends the transaction, which SQLite itself may have done already after
// an error: then that there is none to end is no error.
func (t *tx) rollback() error {
	if err := t.exec("ROLLBACK"); err != nil && code(err) != sqliteError {
		return err
	}
	return nil
}

const sqliteError = 1 // SQLITE_ERROR, "cannot rollback - no transaction is active"

func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if s := t.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, err
	}
	t.stmts[query] = s
	return s, nil
}

func (t *tx) exec(query string, args ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	t.changed = true
	_, err = s.ExecContext(t.ctx, args...)
	return err
}

func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(t.ctx, args...)
}

func (t *tx) closeStmts() {
	for _, s := range t.stmts {
		_ = s.Close() // the connection's end frees what remains
	}
}

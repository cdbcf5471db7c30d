package gateway

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	batchWindow   = 24 * time.Hour
	maxLines      = 50_000
	maxLineErrors = 20 // of a file, that a batch names
	maxMetadata   = 16
	maxRunning    = 4 // batches at once; others wait
	batchPause    = 10 * time.Second
)

// The states of a batch, in the API's words.
const (
	batchValidating = "validating"
	batchFailed     = "failed"
	batchInProgress = "in_progress"
	batchFinalizing = "finalizing"
	batchCompleted  = "completed"
	batchExpired    = "expired"
	batchCancelling = "cancelling"
	batchCancelled  = "cancelled"
)

// batch is a file of requests, in the API's form.
type batch struct {
	ID         string            `json:"id"`
	Object     string            `json:"object"`
	Endpoint   string            `json:"endpoint"`
	Errors     *batchErrors      `json:"errors"`
	Input      string            `json:"input_file_id"`
	Window     string            `json:"completion_window"`
	Status     string            `json:"status"`
	Output     *string           `json:"output_file_id"`
	ErrorFile  *string           `json:"error_file_id"`
	Created    int64             `json:"created_at"`
	InProgress *int64            `json:"in_progress_at"`
	Expires    *int64            `json:"expires_at"`
	Finalizing *int64            `json:"finalizing_at"`
	Completed  *int64            `json:"completed_at"`
	FailedAt   *int64            `json:"failed_at"`
	Expired    *int64            `json:"expired_at"`
	Cancelling *int64            `json:"cancelling_at"`
	Cancelled  *int64            `json:"cancelled_at"`
	Counts     batchCounts       `json:"request_counts"`
	Metadata   map[string]string `json:"metadata"`

	owner string
}

type batchCounts struct {
	Total     int `json:"total"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
}

// batchErrors is what is wrong with a batch's file.
type batchErrors struct {
	Object string      `json:"object"`
	Data   []lineError `json:"data"`
}

type lineError struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
	Line    *int    `json:"line"`
}

// over reports whether nothing more happens to a batch.
func (b *batch) over() bool {
	return slices.Contains([]string{batchFailed, batchCompleted, batchExpired, batchCancelled}, b.Status)
}

// fail ends a batch by something that is not its lines' fault.
func (b *batch) fail(now time.Time, code, why string) {
	at := now.Unix()
	b.Status, b.FailedAt, b.Errors = batchFailed, &at, &batchErrors{"list", []lineError{{Code: code, Message: why}}}
}

// batches are all batches. Those that are not over are worked on by goroutines of Run.
type batches struct {
	g     *Gateway
	wake  chan struct{} // holds a value when there may be work; never closed
	most  int64         // bytes of one's answers
	pause time.Duration // before one whose end could not be kept is tried again

	mu     sync.Mutex        // guards what follows, and the fields of every batch in it
	open   map[string]*batch // that are not over
	cancel map[string]func() // of those that are worked on
	work   sync.WaitGroup    // one for each of them
	db     *sql.DB           // writes are made with mu held
}

func openBatches(g *Gateway, db *sql.DB) (bs *batches, err error) {
	bs = &batches{g: g, db: db, most: maxOutput, pause: batchPause, wake: make(chan struct{}, 1), open: map[string]*batch{}, cancel: map[string]func(){}}
	rows, err := db.Query("SELECT owner, body FROM batches ORDER BY at")
	if err != nil {
		return nil, fmt.Errorf("gateway's batches: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		b, err := scanBatch(rows)
		if err != nil {
			return nil, fmt.Errorf("gateway's batches: %w", err)
		}
		if !b.over() {
			bs.open[b.ID] = b
			bs.nudge()
		}
	}
	return bs, rows.Err()
}

func scanBatch(row interface{ Scan(...any) error }) (*batch, error) {
	b := &batch{}
	var body []byte
	if err := row.Scan(&b.owner, &body); err != nil {
		return nil, err
	}
	return b, json.Unmarshal(body, b)
}

func (bs *batches) nudge() {
	select {
	case bs.wake <- struct{}{}:
	default:
	}
}

// run works on batches until ctx ends; what is not done then goes on in the next process.
func (bs *batches) run(ctx context.Context) error {
	defer bs.work.Wait()
	for {
		bs.begin(ctx)
		select {
		case <-bs.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// begin works on the oldest batches that wait.
func (bs *batches) begin(ctx context.Context) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	var waiting []*batch
	for id, b := range bs.open {
		if bs.cancel[id] == nil {
			waiting = append(waiting, b)
		}
	}
	slices.SortFunc(waiting, func(a, b *batch) int { return int(a.Created - b.Created) })
	for _, b := range waiting {
		if len(bs.cancel) >= maxRunning || ctx.Err() != nil {
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		bs.cancel[b.ID] = cancel
		bs.work.Go(func() {
			defer cancel()
			if bs.play(ctx, b) {
				select {
				case <-time.After(bs.pause):
				case <-ctx.Done():
				}
			}
			bs.mu.Lock()
			delete(bs.cancel, b.ID)
			bs.mu.Unlock()
			bs.nudge()
		})
	}
}

// change changes a batch and keeps it.
func (bs *batches) change(b *batch, f func()) error { return bs.end(b, nil, f) }

// end is change, and keeps files in the same moment.
func (bs *batches) end(b *batch, files []*file, f func()) (err error) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	tx, err := bs.db.Begin()
	if err != nil {
		return fmt.Errorf("gateway's batches: %w", err)
	}
	before := *b
	defer func() {
		if err != nil {
			_ = tx.Rollback()
			*b = before
		}
	}()
	f()
	for _, file := range files {
		if err := insertFile(tx, file); err != nil {
			return err
		}
	}
	if err := put(tx, b); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("gateway's batches: %w", err)
	}
	if b.over() {
		delete(bs.open, b.ID)
	}
	return nil
}

// execer is a database or a transaction.
type execer interface {
	Exec(query string, args ...any) (sql.Result, error)
}

// put keeps a batch.
func put(db execer, b *batch) error {
	body, err := json.Marshal(b)
	if err != nil {
		return err
	}
	_, err = db.Exec("INSERT INTO batches VALUES (?,?,?,?) ON CONFLICT (id) DO UPDATE SET body = excluded.body", b.ID, b.owner, b.Created, body)
	if err != nil {
		return fmt.Errorf("gateway's batches: %w", err)
	}
	return nil
}

// find is a copy of an owner's batch.
func (bs *batches) find(owner, id string) (*batch, error) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b, err := scanBatch(bs.db.QueryRow("SELECT owner, body FROM batches WHERE id = ? AND owner = ?", id, owner))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &apiError{status: http.StatusNotFound, param: "id", message: "No batch found with id '" + id + "'."}
	}
	if live := bs.open[id]; err == nil && live != nil {
		b.Counts = live.Counts
	}
	return b, err
}

// uses refuses to delete the file of a batch that is not over.
func (bs *batches) uses(id string) error {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for _, b := range bs.open {
		if b.Input == id {
			return bad("id", "batch %s still reads this file; cancel it first", b.ID)
		}
	}
	return nil
}

// formOf is the form of an endpoint; nil where there is none.
func formOf(path string) *form {
	for _, f := range []*form{chatForm, textForm, embedForm} {
		if f.path == path {
			return f
		}
	}
	return nil
}

// room refuses a batch more where there are enough, and forgets the oldest that are over.
func (bs *batches) room(owner string) error {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	n := 0
	for _, b := range bs.open {
		if b.owner == owner {
			n++
		}
	}
	if n >= maxFiles/10 {
		return &apiError{status: http.StatusTooManyRequests, code: "rate_limit_exceeded", retry: time.Minute,
			message: fmt.Sprintf("%d batches of yours are not over; wait for one, or cancel it", n)}
	}
	_, err := bs.db.Exec("DELETE FROM batches WHERE owner = ? AND at < ?", owner, bs.g.clock().Add(-keepRequests).Unix())
	return err
}

// list is an owner's batches behind one, newest first.
func (bs *batches) list(owner, after string, limit int) (list []*batch, err error) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	rows, err := bs.db.Query(`SELECT owner, body FROM batches WHERE owner = ?1 AND (?2 = '' OR rowid < (SELECT rowid FROM batches WHERE id = ?2))
		ORDER BY rowid DESC LIMIT ?3`, owner, after, limit)
	if err != nil {
		return nil, fmt.Errorf("gateway's batches: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	list = []*batch{}
	for rows.Next() {
		b, err := scanBatch(rows)
		if err != nil {
			return nil, fmt.Errorf("gateway's batches: %w", err)
		}
		list = append(list, b)
	}
	return list, rows.Err()
}

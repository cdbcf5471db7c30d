package gateway

import (
	"context"
	"crypto/rand"
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

// batches are all batches. Those that are not over are worked on by goroutines of Run.
type batches struct {
	g    *Gateway
	wake chan struct{} // holds a value when there may be work; never closed

	mu     sync.Mutex        // guards what follows, and the fields of every batch in it
	open   map[string]*batch // that are not over
	cancel map[string]func() // of those that are worked on
	work   sync.WaitGroup    // one for each of them
	db     *sql.DB           // writes are made with mu held
}

func openBatches(g *Gateway, db *sql.DB) (bs *batches, err error) {
	bs = &batches{g: g, db: db, wake: make(chan struct{}, 1), open: map[string]*batch{}, cancel: map[string]func(){}}
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
			bs.play(ctx, b)
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
	defer func() { _ = tx.Rollback() }() // does nothing behind a commit
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

func (g *Gateway) createBatch(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Input    string            `json:"input_file_id"`
		Endpoint string            `json:"endpoint"`
		Window   string            `json:"completion_window"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := readJSON(w, r, 64<<10, &q); err != nil {
		fail(w, err)
		return
	}
	owner := keyOf(r.Context()).name()
	var err error
	switch {
	case formOf(q.Endpoint) == nil:
		err = bad("endpoint", "'%s' is not one of ['/v1/chat/completions', '/v1/completions', '/v1/embeddings']", q.Endpoint)
	case q.Window != "24h":
		err = bad("completion_window", "'%s' is not one of ['24h']", q.Window)
	case len(q.Metadata) > maxMetadata:
		err = bad("metadata", "%d pairs, at most %d", len(q.Metadata), maxMetadata)
	default:
		if _, err = g.store.find(owner, q.Input); err == nil {
			err = g.batches.room(owner)
		}
	}
	if err != nil {
		fail(w, err)
		return
	}
	expires := g.clock().Add(batchWindow).Unix()
	b := &batch{ID: "batch_" + rand.Text(), Object: "batch", Endpoint: q.Endpoint, Input: q.Input, Window: q.Window, Status: batchValidating,
		Created: g.clock().Unix(), Expires: &expires, Metadata: q.Metadata, owner: owner}
	bs := g.batches
	bs.mu.Lock()
	err = put(bs.db, b)
	view := *b
	if err == nil {
		bs.open[b.ID] = b
	}
	bs.mu.Unlock()
	if err != nil {
		fail(w, err)
		return
	}
	bs.nudge()
	answer(w, &view)
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

func (g *Gateway) oneBatch(w http.ResponseWriter, r *http.Request) {
	b, err := g.batches.find(keyOf(r.Context()).name(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, b)
}

func (g *Gateway) cancelBatch(w http.ResponseWriter, r *http.Request) {
	bs, owner, id := g.batches, keyOf(r.Context()).name(), r.PathValue("id")
	if _, err := bs.find(owner, id); err != nil {
		fail(w, err)
		return
	}
	bs.mu.Lock()
	b := bs.open[id]
	if b != nil && b.Status != batchCancelling {
		now := g.clock().Unix()
		b.Status, b.Cancelling = batchCancelling, &now
		if err := put(bs.db, b); err != nil {
			bs.mu.Unlock()
			fail(w, err)
			return
		}
		if stop := bs.cancel[id]; stop != nil {
			stop()
		}
	}
	bs.mu.Unlock()
	if b == nil {
		fail(w, &apiError{status: http.StatusConflict, message: "batch " + id + " is over already"})
		return
	}
	bs.nudge()
	g.oneBatch(w, r)
}

func (g *Gateway) listBatches(w http.ResponseWriter, r *http.Request) {
	limit, err := pageSize(r)
	if err != nil {
		fail(w, err)
		return
	}
	list, err := g.batches.list(keyOf(r.Context()).name(), r.URL.Query().Get("after"), limit+1)
	if err != nil {
		fail(w, err)
		return
	}
	page := map[string]any{"object": "list", "has_more": len(list) > limit, "first_id": nil, "last_id": nil}
	if list = list[:min(limit, len(list))]; len(list) > 0 {
		page["first_id"], page["last_id"] = list[0].ID, list[len(list)-1].ID
	}
	page["data"] = list
	answer(w, page)
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

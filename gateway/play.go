package gateway

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	partSuffix   = ".part"
	maxParallel  = 32          // requests of one batch at once
	perRig       = sharedSlots // of them for each rig that serves its model
	syncEvery    = time.Second // lines of the last second are asked for again after a crash
	maxCustomID  = 512
	retryFirst   = time.Second // where no rig is free
	retryLongest = time.Minute
	maxOutLine   = maxAnswer + 1<<20
)

// outLine is what became of one.
type outLine struct {
	ID       string       `json:"id"`
	CustomID string       `json:"custom_id"`
	Response *outResponse `json:"response"`
	Error    any          `json:"error"`
}

type outResponse struct {
	Status    int    `json:"status_code"`
	RequestID string `json:"request_id"`
	Body      any    `json:"body"`
}

// player is the work on one batch.
type player struct {
	bs  *batches
	b   *batch
	key *Key

	mu      sync.Mutex // guards what follows
	done    map[string]bool
	out     [2]*os.File // the answers, and the errors
	unsaved bool
	err     error // of the disk
}

// play works on a batch until it is over or ctx ends.
func (bs *batches) play(ctx context.Context, b *batch) {
	p := &player{bs: bs, b: b, done: map[string]bool{}}
	err := p.run(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil && !p.cancelled():
		return // the gateway ends, and the next one goes on
	default:
		bs.g.log.Error("a batch failed", "batch", b.ID, "err", err)
		now := bs.g.clock().Unix()
		err := bs.change(b, func() {
			b.Status, b.FailedAt = batchFailed, &now
			b.Errors = &batchErrors{"list", []lineError{{Code: "server_error", Message: err.Error()}}}
		})
		if err != nil {
			bs.g.log.Error("a batch's end was not kept", "batch", b.ID, "err", err)
		}
	}
}

func (p *player) cancelled() bool {
	p.bs.mu.Lock()
	defer p.bs.mu.Unlock()
	return p.b.Status == batchCancelling
}

// run goes through the states of the batch.
func (p *player) run(ctx context.Context) (err error) {
	g := p.bs.g
	if !p.cancelled() {
		if err := p.owner(); err != nil {
			return err
		}
		found, total, err := p.validate()
		if err != nil {
			return err
		}
		now := g.clock().Unix()
		if found != nil {
			return p.bs.change(p.b, func() { p.b.Status, p.b.FailedAt, p.b.Errors = batchFailed, &now, found })
		}
		if err := p.bs.change(p.b, func() {
			if p.b.Counts.Total = total; p.b.Status == batchValidating {
				p.b.Status, p.b.InProgress = batchInProgress, &now
			}
		}); err != nil {
			return err
		}
	}
	if err := p.resume(); err != nil {
		return err
	}
	defer func() {
		for _, f := range p.out {
			if f != nil {
				err = errors.Join(err, f.Close())
			}
		}
	}()
	if !p.cancelled() {
		if err := p.work(ctx); err != nil {
			return err
		}
	}
	if ctx.Err() != nil && !p.cancelled() {
		return ctx.Err()
	}
	return p.finish()
}

// owner finds whose key pays.
func (p *player) owner() error {
	if p.b.owner == "" {
		return nil
	}
	for _, k := range p.bs.g.config.Keys {
		if k.Name == p.b.owner {
			p.key = k
			return nil
		}
	}
	return fmt.Errorf("there is no key named %s any more", p.b.owner)
}

// resume reads what an earlier process did of the batch. A line that was being written when
// it ended is cut off.
func (p *player) resume() error {
	counts := [2]int{}
	for i := range p.out {
		f, err := os.OpenFile(p.part(i), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return fmt.Errorf("the batch's answers: %w", err)
		}
		p.out[i] = f
		whole, reader := int64(0), bufio.NewReader(f)
		for {
			raw, err := reader.ReadBytes('\n')
			var l outLine
			if err != nil || json.Unmarshal(raw, &l) != nil {
				break
			}
			whole += int64(len(raw))
			p.done[l.CustomID] = true
			counts[i]++
		}
		if err := f.Truncate(whole); err != nil {
			return fmt.Errorf("the batch's answers: %w", err)
		}
		if _, err := f.Seek(whole, io.SeekStart); err != nil {
			return fmt.Errorf("the batch's answers: %w", err)
		}
	}
	return p.bs.change(p.b, func() { p.b.Counts.Completed, p.b.Counts.Failed = counts[0], counts[1] })
}

func (p *player) part(i int) string {
	return p.bs.g.store.path(p.b.ID + []string{".answers", ".errors"}[i] + partSuffix)
}

// work asks for what is not done yet, several requests at a time.
func (p *player) work(ctx context.Context) error {
	deadline := time.Unix(*p.b.Expires, 0)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	todo := make(chan line) // closed below
	var workers sync.WaitGroup
	started := 0
	saver := p.saver(ctx)
	err := p.lines(func(_ int, raw []byte) error {
		var l line
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		p.mu.Lock()
		skip, broken := p.done[l.CustomID], p.err
		p.mu.Unlock()
		if broken != nil || skip {
			return broken
		}
		if started < p.parallel(ctx, l) {
			started++
			workers.Go(func() {
				for l := range todo {
					p.one(ctx, l)
				}
			})
		}
		select {
		case todo <- l:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	close(todo)
	workers.Wait()
	cancel()
	<-saver
	p.save()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	return errors.Join(err, p.err)
}

// parallel is how many requests are asked at once.
func (p *player) parallel(ctx context.Context, l line) int {
	var name string
	if json.Unmarshal(l.Body["model"], &name) != nil {
		return 1
	}
	offers, err := p.bs.g.catalog.find(ctx, name)
	if err != nil {
		return 1
	}
	return min(maxParallel, perRig*len(offers))
}

// saver keeps what was done every so often, until ctx ends.
func (p *player) saver(ctx context.Context) (ended chan struct{}) {
	ended = make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(syncEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.save()
			case <-ctx.Done():
				return
			}
		}
	}()
	return ended
}

// save makes the answers durable, and the counts with them.
func (p *player) save() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.unsaved || p.err != nil {
		return
	}
	p.unsaved = false
	p.err = errors.Join(p.out[0].Sync(), p.out[1].Sync(), p.bs.change(p.b, func() {}))
}

// one asks one request, again where only the market is in the way.
func (p *player) one(ctx context.Context, l line) {
	o := outLine{ID: "batch_req_" + rand.Text(), CustomID: l.CustomID}
	var fault *apiError
	for wait := retryFirst; ; wait = min(2*wait, retryLongest) {
		var body any
		if body, fault = p.ask(ctx, l); fault == nil {
			o.Response = &outResponse{http.StatusOK, o.ID, body}
			break
		}
		if ctx.Err() != nil {
			return // it is asked again, or never
		}
		if fault.status != http.StatusTooManyRequests && fault.status < 500 {
			o.Response = &outResponse{fault.status, o.ID, fault.body()}
			break
		}
		select {
		case <-time.After(max(wait, fault.retry)):
		case <-ctx.Done():
			return
		}
	}
	p.write(o, fault != nil)
}

// ask has one request answered.
func (p *player) ask(ctx context.Context, l line) (any, *apiError) {
	fields := make(map[string]json.RawMessage, len(l.Body))
	for name, value := range l.Body {
		fields[name] = value
	}
	delete(fields, "stream")
	delete(fields, "stream_options")
	q, err := parse(formOf(p.b.Endpoint), fields)
	if err != nil {
		return nil, describe(err)
	}
	q.key = p.key
	out := &wholeSink{}
	if _, err := p.bs.g.serve(ctx, q, out); err != nil {
		return nil, describe(err)
	}
	return out.body, nil
}

// write appends a line to the answers or the errors.
func (p *player) write(o outLine, failed bool) {
	raw, err := json.Marshal(o)
	p.mu.Lock()
	defer p.mu.Unlock()
	to, count := p.out[0], &p.b.Counts.Completed
	if failed {
		to, count = p.out[1], &p.b.Counts.Failed
	}
	if err == nil {
		_, err = to.Write(append(raw, '\n'))
	}
	if err != nil {
		p.err = errors.Join(p.err, fmt.Errorf("the batch's answers: %w", err))
		return
	}
	p.unsaved = true
	p.bs.mu.Lock()
	*count++
	p.bs.mu.Unlock()
}

// finish makes files of the answers and the errors and ends the batch.
func (p *player) finish() error {
	g, now := p.bs.g, p.bs.g.clock().Unix()
	if err := p.bs.change(p.b, func() {
		if p.b.Status == batchInProgress {
			p.b.Status, p.b.Finalizing = batchFinalizing, &now
		}
	}); err != nil {
		return err
	}
	var files []*file
	var ids [2]*string
	for i, name := range []string{"_output.jsonl", "_error.jsonl"} {
		info, err := p.out[i].Stat()
		if err != nil {
			return fmt.Errorf("the batch's answers: %w", err)
		}
		if info.Size() == 0 {
			continue
		}
		f := &file{ID: newFileID(), Name: p.b.ID + name, Purpose: "batch_output", Created: now, Bytes: info.Size(), owner: p.b.owner}
		if err := os.Link(p.part(i), g.store.path(f.ID)); err != nil {
			return fmt.Errorf("the batch's answers: %w", err)
		}
		files, ids[i] = append(files, f), &f.ID
	}
	now = g.clock().Unix()
	err := p.bs.end(p.b, files, func() {
		p.b.Output, p.b.ErrorFile = ids[0], ids[1]
		switch {
		case p.b.Status == batchCancelling:
			p.b.Status, p.b.Cancelled = batchCancelled, &now
		case p.b.Counts.Completed+p.b.Counts.Failed < p.b.Counts.Total:
			p.b.Status, p.b.Expired = batchExpired, &now
		default:
			p.b.Status, p.b.Completed = batchCompleted, &now
		}
	})
	if err != nil {
		return err
	}
	return errors.Join(os.Remove(p.part(0)), os.Remove(p.part(1)))
}

package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	maxParallel  = 32          // requests of one batch at once
	perRig       = sharedSlots // of them for each rig that serves its model
	retryFirst   = time.Second // where no rig is free
	retryLongest = time.Minute
)

// work asks for what is not done yet, several requests at a time.
func (p *player) work(ctx context.Context) error {
	deadline := time.Unix(*p.b.Expires, 0)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	p.stop = cancel
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

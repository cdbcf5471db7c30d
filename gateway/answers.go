package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	partSuffix = ".part"
	syncEvery  = time.Second // lines of the last second are asked for again after a crash
	maxOutput  = 1 << 30     // bytes of a batch's answers and errors
)

// errFull ends a batch whose answers take too much of the disk.
var errFull = errors.New("the answers take too much")

// outLine is what became of one request.
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
		p.size += whole
		if _, err := f.Seek(whole, io.SeekStart); err != nil {
			return fmt.Errorf("the batch's answers: %w", err)
		}
	}
	return p.bs.change(p.b, func() { p.b.Counts.Completed, p.b.Counts.Failed = counts[0], counts[1] })
}

func (p *player) part(i int) string {
	return p.bs.g.store.path(p.b.ID + []string{".answers", ".errors"}[i] + partSuffix)
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
	if !p.unsaved || p.err != nil && !errors.Is(p.err, errFull) {
		return
	}
	p.unsaved = false
	p.err = errors.Join(p.err, p.out[0].Sync(), p.out[1].Sync(), p.bs.change(p.b, func() {}))
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
	size := int64(len(raw)) + 1
	switch {
	case err != nil:
	case p.err != nil: // nothing follows what could not be written
		return
	case p.size+size > p.bs.most:
		p.err = errFull
		p.stop()
		return
	default:
		p.size += size
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

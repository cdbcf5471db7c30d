package matrix

import (
	"sync"
	"sync/atomic"
)

// Pool shares loops among a fixed number of threads. One goroutine at a time may
// call Run; the pool owns its helpers until Close.
type Pool struct {
	threads int
	tasks   chan *task // closed by Close
	helpers sync.WaitGroup
}

// task is a loop being worked on. A helper that comes late finds nothing left to
// take and delays nobody.
type task struct {
	next  atomic.Int64 // first part that nobody has taken
	left  atomic.Int64 // parts not done yet
	parts int
	size  int // how many parts are taken at once
	run   func(first, last int)
	done  chan struct{} // closed by whoever does the last part
}

// NewPool makes a pool of so many threads, the caller of Run among them.
func NewPool(threads int) *Pool {
	p := &Pool{threads: max(threads, 1), tasks: make(chan *task, max(threads-1, 0))}
	for range p.threads - 1 {
		p.helpers.Go(func() {
			for t := range p.tasks {
				t.work()
			}
		})
	}
	return p
}

// Threads returns how many threads work at once.
func (p *Pool) Threads() int { return p.threads }

// Run calls run for adjoining ranges that together are [0, parts), perhaps at the
// same time, and returns when all are done.
func (p *Pool) Run(parts int, run func(first, last int)) {
	if p.threads == 1 || parts < 2 {
		run(0, parts)
		return
	}
	t := &task{parts: parts, size: max(1, parts/(4*p.threads)), run: run, done: make(chan struct{})}
	t.left.Store(int64(parts))
	for range min(p.threads-1, parts-1) {
		select {
		case p.tasks <- t:
		default: // every helper has been called already
		}
	}
	t.work()
	<-t.done
}

// work takes ranges of parts until none is left.
func (t *task) work() {
	for {
		first := int(t.next.Add(int64(t.size))) - t.size
		if first >= t.parts {
			return
		}
		last := min(first+t.size, t.parts)
		t.run(first, last)
		if t.left.Add(int64(first-last)) == 0 {
			close(t.done)
		}
	}
}

// Close ends the helpers. Run must not be called any more.
func (p *Pool) Close() {
	close(p.tasks)
	p.helpers.Wait()
}

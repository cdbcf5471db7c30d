package gateway

import "sync"

const (
	maxBehind = 2 << 20 // bytes of an answer that wait for their client
	chunkCost = 256     // bytes that a piece takes beside what it says
)

// queue holds what a rig sent until the client takes it, so that a slow client slows no rig: one
// that is not read makes tokens that nobody counts. One goroutine puts, another takes.
type queue struct {
	ready chan struct{} // holds a value where there is something to take; never closed

	mu    sync.Mutex // guards the rest
	list  []chunk
	bytes int
	over  bool
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// put adds a chunk of some bytes, and reports whether there was room.
func (q *queue) put(c chunk, bytes int) bool {
	q.mu.Lock()
	fits := len(q.list) == 0 || q.bytes+bytes <= maxBehind
	if fits {
		q.list, q.bytes = append(q.list, c), q.bytes+bytes
	} else {
		q.list, q.bytes = nil, 0 // the request ends here, and nobody is told a part
	}
	q.mu.Unlock()
	q.wake()
	return fits
}

// end tells that no more comes.
func (q *queue) end() {
	q.mu.Lock()
	q.over = true
	q.mu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take waits for chunks and returns all that are there; none at the end. It may use the memory
// of those that it returned last.
func (q *queue) take(last []chunk) []chunk {
	clear(last)
	for {
		q.mu.Lock()
		list, over := q.list, q.over
		if len(list) > 0 {
			q.list, q.bytes = last[:0], 0
		}
		q.mu.Unlock()
		if len(list) > 0 || over {
			return list
		}
		<-q.ready
	}
}

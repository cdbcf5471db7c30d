package provider

import (
	"errors"
	"sync"

	"github.com/rerig/rerig/protocol"
)

// maxOutbox is how many messages may wait for the requester to read. The loop
// makes a few in a minute and output is let in one chunk at a time, so a requester
// that lets them pile up is not reading.
const maxOutbox = 64

var errNotRead = errors.New("the requester does not take the output")

// outbox sends a session's messages in order from a goroutine of its own, run. A
// requester that does not read holds up its job's output, and so its job, but
// never the loop that meters it.
type outbox struct {
	st     Stream
	order  sync.Mutex // held from the hash to the queue, so that a receipt commits to exactly the chunks before it
	hash   *protocol.OutputHash
	room   chan struct{} // holds an element while a chunk waits to be sent
	wake   chan struct{} // one element: look at the queue
	broken chan struct{} // closed by run when the stream failed
	unread chan struct{} // closed by abandon
	once   sync.Once     // of abandon

	mu     sync.Mutex // guards what follows
	queue  []protocol.Message
	closed bool // nothing more is taken; run ends when the queue is empty
	full   bool // the requester let too much pile up
}

func newOutbox(st Stream) *outbox {
	return &outbox{st: st, hash: protocol.NewOutputHash(), room: make(chan struct{}, 1),
		wake: make(chan struct{}, 1), broken: make(chan struct{}), unread: make(chan struct{})}
}

// run sends until close, then ends the stream, or until the stream fails. It
// reports whether everything was sent.
func (o *outbox) run() bool {
	for {
		ms, closed, full := o.next()
		switch {
		case full:
		case len(ms) > 0:
			if err := o.st.Send(ms...); err == nil {
				for _, m := range ms {
					if m.Type() == protocol.TypeOutput {
						<-o.room
					}
				}
				continue
			}
		case closed:
			_ = o.st.Close() // everything was sent; the peer may be gone already
			return true
		default:
			<-o.wake
			continue
		}
		close(o.broken)
		o.close()
		return false
	}
}

// next takes what waits: messages that wait together go together.
func (o *outbox) next() (ms []protocol.Message, closed, full bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ms, o.queue = o.queue, nil
	return ms, o.closed, o.full
}

// tell queues a message. After close, which a failure does too, it is dropped,
// which is what false means.
func (o *outbox) tell(m protocol.Message) bool {
	o.mu.Lock()
	taken := !o.closed && len(o.queue) < maxOutbox
	if taken {
		o.queue = append(o.queue, m)
	}
	o.full = o.full || !o.closed && !taken
	o.mu.Unlock()
	o.signal()
	return taken
}

// close lets run end once what was told before is sent.
func (o *outbox) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// abandon gives up output that still waits, so that a sandbox that was killed is
// gone at once and its slot is free. Messages are sent as before.
func (o *outbox) abandon() { o.once.Do(func() { close(o.unread) }) }

// chunk queues output once the chunk before it is sent.
func (o *outbox) chunk(fd uint8, data []byte) error {
	select {
	case o.room <- struct{}{}:
	case <-o.broken:
		return errNotRead
	case <-o.unread:
		return errNotRead
	}
	o.order.Lock()
	defer o.order.Unlock()
	if !o.tell(&protocol.Output{FD: fd, Data: append([]byte(nil), data...)}) {
		<-o.room
		return errNotRead
	}
	o.hash.Add(fd, data)
	return nil
}

// pipe is the job's stdout or stderr.
type pipe struct {
	out *outbox
	fd  uint8
}

// Write sends the bytes in order; a slow requester slows the job down.
func (p pipe) Write(b []byte) (int, error) {
	n := 0
	for len(b) > 0 {
		chunk := b[:min(len(b), protocol.MaxOutputChunk)]
		if err := p.out.chunk(p.fd, chunk); err != nil {
			return n, err
		}
		n += len(chunk)
		b = b[len(chunk):]
	}
	return n, nil
}

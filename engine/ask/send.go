package ask

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	stalled   = 256 << 10        // bytes that wait for the reader before the request is held
	flowing   = 64 << 10         // below so many it goes on
	full      = 1 << 20          // with so many no more are read from the server
	writeTime = 30 * time.Second // for the other side to take a frame
)

// ErrBroken is the cause of every error of an answer that its server did not end.
var ErrBroken = errors.New("the server's connection broke")

// Answer is a request under way. Close it. Its methods may be called from any goroutine.
type Answer struct {
	conn   net.Conn
	pumped chan struct{} // closed when no more comes

	mu      sync.Mutex // guards what follows; owner: Answer
	changed *sync.Cond // on mu
	head    Head       // with a status once it is known
	data    []byte     // not read yet
	err     error      // why no more comes; io.EOF after the end
	read    uint64
	made    uint64
	held    bool // as the sender wants
	slow    bool // the reader does not follow
	told    bool // what the server was told last

	telling sync.Mutex // one hold frame at a time, in the order of told
}

// Send asks over a connection of its own, which the answer then owns.
func Send(conn net.Conn, r Request) (*Answer, error) {
	if len(r.Body) > maxBody {
		return nil, errors.Join(fmt.Errorf("ask: a body of %d bytes, at most %d are allowed", len(r.Body), maxBody), conn.Close())
	}
	err := conn.SetWriteDeadline(time.Now().Add(writeTime))
	if err == nil {
		err = writeJSON(conn, kindRequest, order{r, len(r.Body)})
	}
	if err == nil && len(r.Body) > 0 {
		err = writeFrame(conn, kindBody, r.Body)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask the server: %w: %w", ErrBroken, err), conn.Close())
	}
	a := &Answer{conn: conn, pumped: make(chan struct{})}
	a.changed = sync.NewCond(&a.mu)
	go a.pump()
	return a, nil
}

// pump takes what the server sends until it ends. It waits while the reader is far behind.
func (a *Answer) pump() {
	defer close(a.pumped)
	in := bufio.NewReader(a.conn)
	for {
		kind, content, err := readFrame(in)
		if err == nil {
			err = a.take(kind, content)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) || kind != kindEnd {
				err = fmt.Errorf("%w: %w", ErrBroken, err)
			}
			a.mu.Lock()
			a.err = err
			a.changed.Broadcast()
			a.mu.Unlock()
			return
		}
		a.tell()
	}
}

// take keeps one frame; io.EOF after the last.
func (a *Answer) take(kind byte, content []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.changed.Broadcast()
	switch {
	case kind == kindCost && len(content) == 16:
		a.read = max(a.read, binary.BigEndian.Uint64(content))
		a.made = max(a.made, binary.BigEndian.Uint64(content[8:]))
	case kind == kindHead && a.head.Status == 0:
		if err := json.Unmarshal(content, &a.head); err != nil {
			return fmt.Errorf("ask: the answer's head: %w", err)
		}
		if a.head.Status < 200 || a.head.Status > 599 {
			return fmt.Errorf("ask: status %d", a.head.Status)
		}
	case kind == kindData && a.head.Status != 0:
		for len(a.data) >= full && a.err == nil {
			a.changed.Wait()
		}
		a.data = append(a.data, content...)
		a.slow = a.slow || len(a.data) >= stalled
	case kind == kindEnd && a.head.Status != 0:
		return io.EOF
	default:
		return fmt.Errorf("ask: a frame of kind %q out of place", kind)
	}
	return a.err
}

// Head waits for the answer to begin.
func (a *Answer) Head() (Head, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.head.Status == 0 && a.err == nil {
		a.changed.Wait()
	}
	if a.head.Status == 0 {
		return Head{}, a.err
	}
	return a.head, nil
}

// Read reads the answer as it comes. Its error is io.EOF only where the server said that this
// was all.
func (a *Answer) Read(p []byte) (int, error) {
	a.mu.Lock()
	for len(a.data) == 0 && a.err == nil {
		a.changed.Wait()
	}
	n := copy(p, a.data)
	a.data = a.data[n:]
	if n == 0 && len(p) > 0 {
		defer a.mu.Unlock()
		return 0, a.err
	}
	if a.slow && len(a.data) <= flowing {
		a.slow = false
	}
	a.changed.Broadcast()
	a.mu.Unlock()
	a.tell()
	return n, nil
}

// Hold has the server make nothing more, until it is called with false.
func (a *Answer) Hold(held bool) {
	a.mu.Lock()
	a.held = held
	a.mu.Unlock()
	a.tell()
}

// tell tells the server whether to hold the request, where it has changed. One that does not
// listen may be through with it.
func (a *Answer) tell() {
	a.telling.Lock()
	defer a.telling.Unlock()
	a.mu.Lock()
	hold := a.held || a.slow
	same := hold == a.told || a.err != nil
	a.told = hold
	a.mu.Unlock()
	if same {
		return
	}
	content := []byte{0}
	if hold {
		content[0] = 1
	}
	if a.conn.SetWriteDeadline(time.Now().Add(writeTime)) == nil {
		_ = writeFrame(a.conn, kindHold, content) // of a connection that broke the pump tells
	}
}

// Cost is how many tokens of the prompt were read so far, and how many were made.
func (a *Answer) Cost() (read, made uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read, a.made
}

// Close gives the request up, where it has not ended. Cost is final then.
func (a *Answer) Close() error {
	a.mu.Lock()
	if a.err == nil {
		a.err = net.ErrClosed
	}
	a.changed.Broadcast()
	a.mu.Unlock()
	err := a.conn.Close()
	<-a.pumped
	return err
}

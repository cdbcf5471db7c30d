package exchange

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// joinBytes is one direction's buffer. Small pieces let a voucher pass between them
	// where all share one connection.
	joinBytes = 16 << 10
	// lastWords is how long joined connections may go on when what they lead to is over.
	lastWords = 5 * time.Second
)

// Join carries bytes between two connections until both directions have ended: what one
// side closes for writing is closed at the other. Where one fails, or soon after over is
// closed, both are broken off, so that nobody takes a part for the whole. Both are closed
// when it returns. Nothing is buffered beyond a piece: a side that does not read holds the
// other up.
func Join(a, b net.Conn, over <-chan struct{}) {
	var carry, watch sync.WaitGroup
	var once sync.Once
	broken := func() { once.Do(func() { abort(a); abort(b) }) }
	one := func(to, from net.Conn) {
		// Without the faces of a TCP connection the copy keeps to the buffer.
		_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, joinBytes))
		if err == nil {
			err = closeWrite(to)
		}
		if err != nil {
			broken()
		}
	}
	done := make(chan struct{})
	watch.Go(func() {
		select {
		case <-done:
			return
		case <-over:
		}
		last := time.NewTimer(lastWords)
		defer last.Stop()
		select {
		case <-done:
		case <-last.C:
			broken()
		}
	})
	carry.Go(func() { one(a, b) })
	one(b, a)
	carry.Wait()
	close(done)
	watch.Wait()
	_, _ = a.Close(), b.Close() // both ended, or were broken off
}

func closeWrite(c net.Conn) error {
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("it closes both ways only")
	}
	return half.CloseWrite()
}

// abort closes a connection so that its other end sees that it broke.
func abort(c net.Conn) {
	switch c := c.(type) {
	case interface{ Abort() }:
		c.Abort()
		return
	case *net.TCPConn:
		_ = c.SetLinger(0) // a reset instead of an end
	}
	_ = c.Close() // it is given up
}

package exchange

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// halfPipe is an end of a net.Pipe whose closing for writing is noted only.
type halfPipe struct {
	net.Conn
	closed chan struct{}
}

func (h halfPipe) CloseWrite() error {
	close(h.closed)
	return nil
}

// TestJoinBreaksOffAfterTheEnd: what goes on when the job is over may have its last words,
// and no more.
func TestJoinBreaksOffAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		user, a := net.Pipe()
		job, b := net.Pipe()
		over, joined := make(chan struct{}), make(chan struct{})
		go func() {
			Join(halfPipe{a, make(chan struct{})}, halfPipe{b, make(chan struct{})}, over)
			close(joined)
		}()
		close(over)
		time.Sleep(lastWords - 1)
		go func() { _, _ = job.Write([]byte("last words")) }()
		if b, err := io.ReadAll(io.LimitReader(user, 10)); string(b) != "last words" {
			t.Errorf("read %q, %v", b, err)
		}
		ended := time.Now()
		if _, err := user.Read(make([]byte, 1)); err == nil {
			t.Error("the connection goes on")
		}
		if d := time.Since(ended); d != 1 {
			t.Errorf("broken off after %v more", d)
		}
		<-joined
	})
}

// TestJoinHoldsBack: a side that does not read holds the other up within a few pieces.
func TestJoinHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		user, a := net.Pipe()
		job, b := net.Pipe()
		joined := make(chan struct{})
		go func() {
			Join(halfPipe{a, make(chan struct{})}, halfPipe{b, make(chan struct{})}, nil)
			close(joined)
		}()
		sent := 0
		go func() {
			for {
				n, err := job.Write(make([]byte, 1<<10))
				if sent += n; err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		if sent > 2*joinBytes {
			t.Errorf("%d bytes were taken that nobody reads", sent)
		}
		user.Close()
		<-joined
		job.Close()
	})
}

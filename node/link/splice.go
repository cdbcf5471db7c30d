package link

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

// What is left of a connection when the job's end of it is gone in order: a stream whose
// other end may still read what the job sent, and write what nobody reads.
const (
	// maxLingering is how many such streams are kept; one more is broken off at once.
	maxLingering = 1024
	// lingerTime is how long one is kept, and deafTime how long after something came.
	lingerTime = 10 * time.Minute
	deafTime   = 5 * time.Second
)

// spliced is one connection of a job's and the stream that carries it to another member.
type spliced struct {
	job Conn
	raw network.Stream

	mu   sync.Mutex // guards what follows
	said bool       // all that the job sends was passed on, and its end
	told bool       // all that comes for the job was, and its end
	over bool       // broken off
}

// splice moves bytes both ways until both have ended; what breaks one side breaks the other,
// and the job's end ends both.
func (m *Member) splice(c Conn, raw network.Stream) {
	s := &spliced{job: c, raw: raw}
	defer context.AfterFunc(m.ctx, s.end)()
	out := make(chan struct{}) // closed when nothing more comes from the job
	go func() {
		defer close(out)
		if pour(raw, c) != nil {
			s.abandon()
			return
		}
		s.passed(&s.said)
		_ = c.CloseRead() // it only takes note
	}()
	if pour(c, raw) == nil {
		s.passed(&s.told)
	} else {
		s.end()
	}
	<-out
	s.mu.Lock()
	over := s.over
	s.over = true // nothing below is broken off
	s.mu.Unlock()
	switch {
	case over:
	case s.told: // both ways have ended
		_ = c.Close()
		_ = raw.Close()
	default:
		m.links.linger(raw)
	}
}

func (s *spliced) passed(way *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*way = true
}

// end is for the end of the job, or of the way to it. What the job said before is not lost:
// its stream is then left to linger.
func (s *spliced) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.over:
	case !s.said:
		s.breakOff()
	default:
		_ = s.job.Reset()                     // it is not there to be told
		_ = s.raw.SetReadDeadline(time.Now()) // fails where the stream has ended, as it is to
	}
}

// abandon breaks both off.
func (s *spliced) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.breakOff()
	}
}

// breakOff loses nothing that was told to the job before the other end broke. The caller
// holds mu.
func (s *spliced) breakOff() {
	s.over = true
	if s.told {
		_ = s.job.Close() // there is nobody to tell
	} else {
		_ = s.job.Reset()
	}
	_ = s.raw.Reset()
}

// linger keeps a stream, on which all was said, for its other end to read, and breaks it off
// where the other end writes to a job that is gone, as a kernel does.
func (l *Links) linger(raw network.Stream) {
	l.mu.Lock()
	if l.closed || len(l.lingering) >= maxLingering {
		l.mu.Unlock()
		_ = raw.Reset() // it has no more time
		return
	}
	l.lingering[raw] = struct{}{}
	l.work.Add(1)
	l.mu.Unlock()
	go func() { // ends with the stream, in lingerTime, or with Run
		defer l.work.Done()
		err := deaf(raw)
		l.mu.Lock()
		delete(l.lingering, raw)
		l.mu.Unlock()
		if err == nil {
			_ = raw.Close()
		} else {
			_ = raw.Reset()
		}
	}()
}

// deaf reads what nobody is there for, to its end, and for a while only.
func deaf(raw network.Stream) error {
	if err := raw.SetReadDeadline(time.Now().Add(lingerTime)); err != nil {
		return err
	}
	_, err := raw.Read(make([]byte, 1))
	if err == nil {
		if err = raw.SetReadDeadline(time.Now().Add(deafTime)); err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{raw}, make([]byte, pieceBytes))
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// sink is what can be told that no more comes.
type sink interface {
	io.Writer
	CloseWrite() error
}

// pour copies until the end of from, and passes that on.
func pour(to sink, from io.Reader) error {
	if _, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, pieceBytes)); err != nil {
		return err
	}
	return to.CloseWrite()
}

package batch

import (
	"context"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rerig/rerig/engine/sampler"
)

// Finish says why a text ended.
type Finish string

// The reasons, in the words of the API.
const (
	FinishStop   Finish = "stop"   // the model ended it, or a stop string did
	FinishLength Finish = "length" // Max tokens, or the context, is full
	FinishError  Finish = "error"
)

// Token is one token of a continuation.
type Token struct {
	ID      int
	Text    string // what can be shown since the last token: whole characters that begin no stop string
	LogProb sampler.LogProb
	Top     []sampler.LogProb
}

// Stream is a request under way. One goroutine may read it.
type Stream struct {
	b       *Batcher
	request Request
	sampler *sampler.Sampler
	text    []int     // read and to be read, once it was placed; touched by Run alone
	reused  int       // tokens of the prompt that were cached
	read    int       // tokens of the prompt that were read; touched by Run alone
	vector  []float32 // set before the end

	pending []byte // text that was not shown yet; touched by Run alone
	made    int
	ready   chan struct{} // holds a value when something new can be read; never closed

	state struct {
		sync.Mutex
		tokens []Token // made and not yet read: at most request.Max
		finish Finish  // why the text ended, "" before
		err    error
		closed bool // the reader went away
		held   bool // nothing is to be made for now
	}
}

// Next returns the next token. After the last one, ok is false and Result tells
// how it ended. The error is ctx's, or the stream's own.
func (s *Stream) Next(ctx context.Context) (token Token, ok bool, err error) {
	for {
		s.state.Lock()
		if len(s.state.tokens) > 0 {
			token = s.state.tokens[0]
			s.state.tokens = s.state.tokens[1:]
			s.state.Unlock()
			return token, true, nil
		}
		ended, err := s.state.finish != "", s.state.err
		s.state.Unlock()
		if ended {
			return Token{}, false, err
		}
		select {
		case <-ctx.Done():
			return Token{}, false, ctx.Err()
		case <-s.ready:
		}
	}
}

// Finish returns why the text ended; "" while it has not.
func (s *Stream) Finish() Finish {
	s.state.Lock()
	defer s.state.Unlock()
	return s.state.finish
}

// Reused returns how many tokens of the prompt came from an earlier text. It may
// be called after the first token.
func (s *Stream) Reused() int { return s.reused }

// Vector returns the mean of the hidden states after the end of a request that
// asked for it.
func (s *Stream) Vector() []float32 { return s.vector }

// Close gives the request up: it leaves the queue, or its slot before the next
// step.
func (s *Stream) Close() {
	s.state.Lock()
	s.state.closed = true
	s.state.Unlock()
	s.b.queue.Lock()
	defer s.b.queue.Unlock()
	if i := slices.Index(s.b.queue.waiting, s); i >= 0 {
		s.b.queue.waiting = slices.Delete(s.b.queue.waiting, i, i+1)
	}
	s.b.stir() // its slot may be another's now
}

func (s *Stream) closed() bool {
	s.state.Lock()
	defer s.state.Unlock()
	return s.state.closed
}

// finish ends the stream.
func (s *Stream) finish(why Finish, err error) {
	s.state.Lock()
	s.state.finish, s.state.err = why, err
	s.state.Unlock()
	s.signal()
}

func (s *Stream) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// replay takes the tokens that were made elsewhere as if they had been made here and read,
// and reports whether they end the text.
func (s *Stream) replay() (ended bool) {
	for _, id := range s.request.Made {
		if s.b.tokens.Ends(id) && !s.request.IgnoreEnd {
			s.flush(FinishStop)
			return true
		}
		s.made++
		s.pending = append(s.pending, s.b.tokens.Text(id)...)
		show, stopped := cut(s.pending, s.request.Stop)
		if stopped {
			s.pending = nil
			s.flush(FinishStop)
			return true
		}
		s.pending = s.pending[show:]
		if s.made >= s.request.Max {
			s.flush(FinishLength)
			return true
		}
	}
	return false
}

// accept takes the next token and reports whether it was the last.
func (s *Stream) accept(id int, chosen sampler.LogProb, top []sampler.LogProb) (last bool) {
	if s.b.tokens.Ends(id) && !s.request.IgnoreEnd {
		s.flush(FinishStop)
		return true
	}
	s.made++
	s.tell()
	s.pending = append(s.pending, s.b.tokens.Text(id)...)
	token := Token{ID: id, LogProb: chosen, Top: top}
	show, stopped := cut(s.pending, s.request.Stop)
	token.Text = string(s.pending[:show])
	s.pending = s.pending[show:]
	s.state.Lock()
	s.state.tokens = append(s.state.tokens, token)
	s.state.Unlock()
	switch {
	case stopped:
		s.pending = nil
		s.flush(FinishStop)
		return true
	case s.made >= s.request.Max:
		s.flush(FinishLength)
		return true
	}
	s.signal()
	return false
}

// flush shows what was held back, as part of the last token, and ends the stream.
func (s *Stream) flush(why Finish) {
	if len(s.pending) > 0 {
		rest := strings.ToValidUTF8(string(s.pending), "\ufffd")
		s.state.Lock()
		if n := len(s.state.tokens); n > 0 {
			s.state.tokens[n-1].Text += rest
		} else {
			s.state.tokens = append(s.state.tokens, Token{ID: -1, Text: rest})
		}
		s.state.Unlock()
	}
	s.finish(why, nil)
}

// cut returns how much of a text can be shown: what lies before a stop string, or
// before the beginning of one or of a character that the end of the text leaves
// open. Bytes that cannot become a character are shown.
func cut(text []byte, stops []string) (show int, stopped bool) {
	show = len(text)
	for _, stop := range stops {
		if i := strings.Index(string(text), stop); i >= 0 && i <= show {
			show, stopped = i, true
		}
	}
	if stopped {
		return show, true
	}
	for _, stop := range stops {
		for n := min(len(stop)-1, len(text)); n > 0; n-- {
			if strings.HasPrefix(stop, string(text[len(text)-n:])) {
				show = min(show, len(text)-n)
				break
			}
		}
	}
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if start := len(text) - back; utf8.RuneStart(text[start]) {
			if !utf8.FullRune(text[start:]) {
				show = min(show, start)
			}
			break
		}
	}
	return show, false
}

package docker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The streams of the Engine API's multiplexed format: one byte that names the stream,
// three of zero, a length of four, the payload ("Stream format" of POST /containers/attach).
const (
	streamStdout = 1
	streamStderr = 2
	streamSystem = 3 // the engine's own error, which ends the stream

	frameHeader    = 8
	maxSystemError = 1 << 10
)

// frames reads a multiplexed stream without ever holding a frame: a length is believed for
// as many bytes as come. The library's own copier allocates what the length says.
type frames struct {
	r      io.Reader
	left   uint32 // of the current frame
	stream byte
}

// read reads some payload into p and says which stream it is of. It returns io.EOF at the
// end, and an error for what is no such stream.
func (f *frames) read(p []byte) (stream byte, n int, err error) {
	for f.left == 0 {
		if err := f.next(); err != nil {
			return 0, 0, err
		}
	}
	if uint32(len(p)) > f.left {
		p = p[:f.left]
	}
	n, err = f.r.Read(p)
	f.left -= uint32(n)
	if errors.Is(err, io.EOF) {
		err = nil
		if n == 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	return f.stream, n, err
}

// Read reads payload of any stream.
func (f *frames) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	_, n, err := f.read(p)
	return n, err
}

func (f *frames) next() error {
	var h [frameHeader]byte
	if _, err := io.ReadFull(f.r, h[:]); err != nil {
		return err // io.EOF between frames is the stream's end
	}
	if h[1]|h[2]|h[3] != 0 || h[0] < streamStdout || h[0] > streamSystem {
		return fmt.Errorf("Docker sent no stream frame but %x", h)
	}
	f.stream, f.left = h[0], binary.BigEndian.Uint32(h[4:])
	if f.stream != streamSystem {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(f.r, int64(min(f.left, maxSystemError))))
	if err != nil {
		return err
	}
	return fmt.Errorf("Docker says in the stream: %.200q", text)
}

// ender finds the trailer in standard output. It holds back no more than what could be the
// trailer's beginning, so that output is not late.
type ender struct {
	trailer []byte // its first byte does not come again in it
	matched int    // so many bytes of it were the last ones
	seen    bool
	out     []byte
}

// scan divides p into the program's output, with what was held back before if it was no
// trailer, and what follows the trailer. Both are valid until the next call.
func (e *ender) scan(p []byte) (output, after []byte) {
	if e.seen {
		return nil, p
	}
	e.out = e.out[:0]
	for i, b := range p {
		if b == e.trailer[e.matched] {
			if e.matched++; e.matched == len(e.trailer) {
				e.seen = true
				return e.out, p[i+1:]
			}
			continue
		}
		e.out = append(e.out, e.trailer[:e.matched]...)
		if e.matched = 0; b == e.trailer[0] {
			e.matched = 1
		} else {
			e.out = append(e.out, b)
		}
	}
	return e.out, nil
}

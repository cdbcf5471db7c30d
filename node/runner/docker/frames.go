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

package seal

import (
	"bufio"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

// NewSealer returns the sealed form of what r has, as it is read. It draws the salt, so
// the same bytes are sealed to others each time.
func NewSealer(key Key, r io.Reader) (io.Reader, error) {
	salt := make([]byte, SaltBytes)
	_, _ = rand.Read(salt) // it never fails
	return newSealer(key, salt, r)
}

func newSealer(key Key, salt []byte, r io.Reader) (io.Reader, error) {
	aead, err := fileAEAD(key, salt)
	if err != nil {
		return nil, err
	}
	return &sealer{chunks: chunks{aead: aead, in: bufio.NewReader(r), buf: make([]byte, plainBytes, ChunkBytes)}, ready: salt}, nil
}

// NewOpener returns what the sealed bytes of r hold. Every byte that it gives is
// authentic and in its place; that it was all of them its io.EOF says. Its other errors
// are ErrOpen and r's own.
func NewOpener(key Key, r io.Reader) (io.Reader, error) {
	salt := make([]byte, SaltBytes)
	if _, err := io.ReadFull(r, salt); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w: it has no salt", ErrOpen)
	} else if err != nil {
		return nil, fmt.Errorf("read sealed content: %w", err)
	}
	aead, err := fileAEAD(key, salt)
	if err != nil {
		return nil, err
	}
	return &opener{chunks: chunks{aead: aead, in: bufio.NewReader(r), buf: make([]byte, ChunkBytes)}}, nil
}

// chunks reads the chunks of one side and knows which is the last.
type chunks struct {
	aead cipher.AEAD
	in   *bufio.Reader
	buf  []byte
	n    uint64 // of the next chunk
	over bool   // the last one was read
}

// next fills buf with at most size bytes and counts.
func (c *chunks) next(size int) (chunk []byte, n uint64, err error) {
	got, err := io.ReadFull(c.in, c.buf[:size])
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		c.over = true
	case err != nil:
		return nil, 0, err
	default:
		if _, err := c.in.Peek(1); errors.Is(err, io.EOF) {
			c.over = true
		} else if err != nil {
			return nil, 0, err
		}
	}
	n = c.n
	c.n++
	return c.buf[:got], n, nil
}

type sealer struct {
	chunks
	ready []byte
}

// Read gives sealed bytes.
func (s *sealer) Read(p []byte) (int, error) {
	if len(s.ready) == 0 {
		if s.over {
			return 0, io.EOF
		}
		plain, n, err := s.next(plainLen(s.n))
		if err != nil {
			return 0, err
		}
		s.ready = s.aead.Seal(plain[:0], nonce(n, s.over), plain, nil)
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

type opener struct {
	chunks
	ready []byte
	err   error // what every later Read returns
}

// Read gives opened bytes.
func (o *opener) Read(p []byte) (int, error) {
	for len(o.ready) == 0 {
		if o.err == nil && o.over {
			o.err = io.EOF
		}
		if o.err != nil {
			return 0, o.err
		}
		o.ready, o.err = o.open()
	}
	n := copy(p, o.ready)
	o.ready = o.ready[n:]
	return n, nil
}

func (o *opener) open() ([]byte, error) {
	sealed, n, err := o.next(plainLen(o.n) + TagBytes)
	if err != nil {
		return nil, fmt.Errorf("read sealed content: %w", err)
	}
	plain, err := o.aead.Open(sealed[:0], nonce(n, o.over), sealed, nil)
	if err != nil || (len(plain) == 0 && n > 0) {
		return nil, ErrOpen
	}
	return plain, nil
}

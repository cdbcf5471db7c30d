package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// WriteFrame writes a 4-byte big-endian length and the payload in one Write
// (SPEC §1.5). A payload over limit is an error and nothing is written.
func WriteFrame(w io.Writer, payload []byte, limit int) error {
	if err := checkLen("frame", len(payload), limit); err != nil {
		return err
	}
	buf := make([]byte, 4+len(payload))
	binary.BigEndian.PutUint32(buf, uint32(len(payload)))
	copy(buf[4:], payload)
	if _, err := w.Write(buf); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// ReadFrame reads one frame of at most limit bytes. The length is checked before
// anything is allocated. A clean end between frames is io.EOF; inside one it is
// io.ErrUnexpectedEOF.
func ReadFrame(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("read frame length: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if int64(n) > int64(limit) {
		return nil, fieldErr("frame", fmt.Sprintf("at most %d bytes", limit), n)
	}
	buf := make([]byte, n)
	if _, err := io.ReadFull(r, buf); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return buf, nil
}

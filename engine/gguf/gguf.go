// Package gguf reads GGUF model files, versions 2 and 3: a header of typed
// values followed by tensors. A model is job input and therefore hostile: every
// length is checked against a limit and against the bytes left in the file
// before anything is allocated. Begin with [Open] or [Read].
package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// The limits of a file that Read accepts. They leave room for every published
// model of the llama family and keep a crafted header from costing memory.
const (
	MaxValues   = 4096     // header entries
	MaxTensors  = 16384    // tensors
	MaxString   = 1 << 20  // bytes of one string
	MaxArray    = 1 << 20  // items of one array
	MaxHeader   = 64 << 20 // bytes of the header and the tensor list
	MaxDims     = 4        // dimensions of a tensor
	MaxElements = 1 << 32  // elements of one tensor
	maxAlign    = 1 << 16  // bytes between tensors
)

// Value types of the header, in the file's own numbering.
const (
	kindUint8 = iota
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindFloat32
	kindBool
	kindString
	kindArray
	kindUint64
	kindInt64
	kindFloat64
)

// widths is the size in bytes of each fixed-width kind; 0 for the others.
var widths = [...]int{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}

// Read reads the header and the tensor list of a file of size bytes. The
// tensors themselves stay in r until [File.Tensor] asks for them. Errors name
// the field and the limit it broke.
func Read(r io.ReaderAt, size int64) (*File, error) {
	h := &header{left: min(size, MaxHeader), size: size}
	h.r = bufio.NewReaderSize(io.NewSectionReader(r, 0, h.left), 1<<16)
	f := &File{r: r, values: map[string]value{}, tensors: map[string]tensor{}}
	tensors, values, err := h.preamble()
	if err != nil {
		return nil, err
	}
	for i := range values {
		if err := f.readValue(h); err != nil {
			return nil, fmt.Errorf("gguf: header value %d of %d: %w", i+1, values, err)
		}
	}
	for i := range tensors {
		if err := f.readTensor(h); err != nil {
			return nil, fmt.Errorf("gguf: tensor %d of %d: %w", i+1, tensors, err)
		}
	}
	if err := f.place(h); err != nil {
		return nil, err
	}
	return f, nil
}

// header is a cursor over the file's beginning that knows how much is left.
type header struct {
	r    *bufio.Reader
	read int64 // bytes consumed
	left int64 // bytes that may still be consumed
	size int64 // bytes of the whole file
	buf  [8]byte
}

// preamble reads the magic, the version and the two counts.
func (h *header) preamble() (tensors, values uint64, err error) {
	magic, err := h.number(kindUint32)
	if err != nil {
		return 0, 0, fmt.Errorf("gguf: magic: %w", err)
	}
	if magic != 0x46554747 {
		return 0, 0, fmt.Errorf("gguf: magic %#x is not GGUF; give a model in GGUF format", magic)
	}
	version, err := h.number(kindUint32)
	if err != nil {
		return 0, 0, fmt.Errorf("gguf: version: %w", err)
	}
	if version != 2 && version != 3 {
		return 0, 0, fmt.Errorf("gguf: version %d, versions 2 and 3 are supported", version)
	}
	if tensors, err = h.count("tensor count", MaxTensors); err != nil {
		return 0, 0, fmt.Errorf("gguf: %w", err)
	}
	if values, err = h.count("value count", MaxValues); err != nil {
		return 0, 0, fmt.Errorf("gguf: %w", err)
	}
	return tensors, values, nil
}

// take reads exactly len(p) bytes.
func (h *header) take(p []byte) error {
	if int64(len(p)) > h.left {
		return fmt.Errorf("needs %d bytes, %d are left (header limit %d)", len(p), h.left, MaxHeader)
	}
	if _, err := io.ReadFull(h.r, p); err != nil {
		return fmt.Errorf("read %d bytes: %w", len(p), err)
	}
	h.read += int64(len(p))
	h.left -= int64(len(p))
	return nil
}

// number reads a fixed-width value as its bits, sign-extended where signed.
func (h *header) number(kind uint32) (uint64, error) {
	p := h.buf[:widths[kind]]
	clear(h.buf[:])
	if err := h.take(p); err != nil {
		return 0, err
	}
	bits := binary.LittleEndian.Uint64(h.buf[:])
	switch kind {
	case kindInt8:
		return uint64(int8(bits)), nil
	case kindInt16:
		return uint64(int16(bits)), nil
	case kindInt32:
		return uint64(int32(bits)), nil
	case kindFloat32:
		return math.Float64bits(float64(math.Float32frombits(uint32(bits)))), nil
	}
	return bits, nil
}

// count reads a uint64 that must not exceed limit.
func (h *header) count(field string, limit uint64) (uint64, error) {
	n, err := h.number(kindUint64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", field, err)
	}
	if n > limit {
		return 0, fmt.Errorf("%s %d exceeds the limit %d", field, n, limit)
	}
	return n, nil
}

// text reads a length-prefixed string.
func (h *header) text(field string) (string, error) {
	n, err := h.count(field+" length", MaxString)
	if err != nil {
		return "", err
	}
	if int64(n) > h.left {
		return "", fmt.Errorf("%s length %d exceeds the %d bytes left", field, n, h.left)
	}
	p := make([]byte, n)
	if err := h.take(p); err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	return string(p), nil
}

// Package frame is the private language between the runner and its sandbox
// child: typed, length-prefixed frames over the child's standard input and
// output. Both ends come from the same build, so it has no version.
package frame

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// Kind says what a frame carries.
type Kind byte

// To the child.
const (
	Job Kind = 'J' // a Request; the one job of this child
)

// From the child.
const (
	Ready   Kind = 'R' // nothing; warm and waiting for its job
	Started Kind = 'S' // Number: CPU nanoseconds used before the guest began
	Stdout  Kind = 'o' // bytes
	Stderr  Kind = 'e' // bytes
	Memory  Kind = 'm' // Number: the guest's linear memory in bytes, when it grew
	CPU     Kind = 'c' // Number: CPU nanoseconds used by this process so far
	End     Kind = 'E' // an Outcome; the last frame
)

const (
	headerLen = 5
	// MaxPayload bounds a frame from the child, which is not trusted.
	MaxPayload = 64 << 10
	// MaxRequest bounds a Request: arguments and environment included.
	MaxRequest = 1 << 20
)

// Request is the one job of a child. Paths are the host's. Module is the
// stored form of the module, SHA256 its hash, and Code the file with its code.
type Request struct {
	Module      string
	Code        string
	SHA256      []byte
	Args, Env   []string
	In, Out     string
	Seed        []byte
	MemoryBytes uint64
	OutputBytes uint64
	OutputFiles int
}

// Outcome is how the guest ended. Failure is empty when it ended by itself,
// and otherwise the text of a runner.FailureKind.
type Outcome struct {
	ExitCode      uint32
	Failure       string `json:",omitempty"`
	Detail        string `json:",omitempty"`
	MemoryRefused bool   `json:",omitempty"`
}

// Append adds one frame to buf.
func Append(buf []byte, k Kind, payload []byte) []byte {
	buf = append(buf, byte(k))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(payload)))
	return append(buf, payload...)
}

// AppendJSON adds one frame holding v.
func AppendJSON(buf []byte, k Kind, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode frame %q: %w", k, err)
	}
	return Append(buf, k, b), nil
}

// AppendNumber adds one frame holding n.
func AppendNumber(buf []byte, k Kind, n uint64) []byte {
	return Append(buf, k, binary.LittleEndian.AppendUint64(nil, n))
}

// Number reads the payload of a frame written by AppendNumber.
func Number(payload []byte) (uint64, error) {
	if len(payload) != 8 {
		return 0, fmt.Errorf("number frame of %d bytes, want 8", len(payload))
	}
	return binary.LittleEndian.Uint64(payload), nil
}

// Read reads one frame into buf, growing it to at most limit bytes. The
// payload is valid until buf is used again.
func Read(r io.Reader, buf *[]byte, limit int) (Kind, []byte, error) {
	var h [headerLen]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(h[1:])
	if n > uint32(limit) {
		return 0, nil, fmt.Errorf("frame %q of %d bytes is over the limit of %d", h[0], n, limit)
	}
	if cap(*buf) < int(n) {
		*buf = make([]byte, n)
	}
	p := (*buf)[:n]
	if _, err := io.ReadFull(r, p); err != nil {
		return 0, nil, fmt.Errorf("frame %q cut short: %w", h[0], err)
	}
	return Kind(h[0]), p, nil
}

// Package ask carries requests to a model's server, one to a connection, and brings back what
// it answers with what that has cost so far in between. The sender can hold a request on the
// way, and gives it up by closing the connection. It is for the two ends of a sandbox's port:
// [Send] outside, [Serve] inside.
//
// A frame is its kind, the length of what follows in four bytes (big-endian) and that. The
// sender's are a request (JSON: method, path, owner, length of the body), the body, and hold
// (one byte, 1 or 0) at any time after it. The server's are cost (tokens of the prompt read,
// tokens made; eight bytes each, so far) at any time, one head (JSON: status, content type),
// data, and one end.
package ask

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// The kinds of frames.
const (
	kindRequest = 'Q'
	kindBody    = 'B'
	kindHold    = 'H'
	kindCost    = 'C'
	kindHead    = 'S'
	kindData    = 'D'
	kindEnd     = 'E'
)

const (
	maxHead  = 4 << 10  // bytes of a request's or an answer's JSON
	maxData  = 64 << 10 // bytes of an answer in one frame
	maxBody  = 8 << 20  // bytes of a request
	headSize = 5        // bytes before a frame's content
)

// Request is what a server is asked. Of HTTP there is no more than this.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Owner is whose request it is: the server finds for none what another's prompt left.
	Owner string `json:"owner"`
	Body  []byte `json:"-"`
}

// order is a request's frame.
type order struct {
	Request
	Length int `json:"length"` // of the body
}

// Head is how an answer begins.
type Head struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type"`
}

// writeFrame sends one frame in one write.
func writeFrame(w io.Writer, kind byte, content []byte) error {
	frame := make([]byte, headSize, headSize+len(content))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(content)))
	_, err := w.Write(append(frame, content...))
	return err
}

// writeJSON sends a frame of JSON.
func writeJSON(w io.Writer, kind byte, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	return writeFrame(w, kind, content)
}

// limits is how long the content of a kind may be, in bytes.
var limits = map[byte]uint32{kindRequest: maxHead, kindBody: maxBody, kindHold: 1, kindCost: 16, kindHead: maxHead, kindData: maxData, kindEnd: 0}

// readFrame reads a frame of a known kind within its limit.
func readFrame(r io.Reader) (kind byte, content []byte, err error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	limit, known := limits[head[0]]
	if !known || length > limit {
		return 0, nil, fmt.Errorf("ask: a frame of kind %q with %d bytes, at most %d are allowed", head[0], length, limit)
	}
	content = make([]byte, length)
	if _, err := io.ReadFull(r, content); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return head[0], content, nil
}

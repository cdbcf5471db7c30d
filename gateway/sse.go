package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxEvent bounds an event of a rig's stream, in bytes.
const maxEvent = 1 << 20

var errDone = errors.New("the stream is done")

// eventReader reads server-sent events: their data alone, which is all that the API uses.
type eventReader struct {
	lines *bufio.Reader
	data  []byte
}

func newEventReader(r io.Reader) *eventReader {
	return &eventReader{lines: bufio.NewReaderSize(r, 16<<10)}
}

// next returns the data of the next event, valid until the call after; errDone behind [DONE],
// io.ErrUnexpectedEOF where the stream breaks off.
func (e *eventReader) next() ([]byte, error) {
	e.data = e.data[:0]
	for {
		line, err := e.line()
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			if len(e.data) == 0 {
				continue
			}
			if string(e.data) == "[DONE]" {
				return nil, errDone
			}
			return e.data, nil
		}
		value, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue // a comment, or a field that means nothing here
		}
		if len(e.data) > 0 {
			e.data = append(e.data, '\n')
		}
		if e.data = append(e.data, bytes.TrimPrefix(value, []byte(" "))...); len(e.data) > maxEvent {
			return nil, fmt.Errorf("an event of more than %d bytes", maxEvent)
		}
	}
}

// line returns a line without its end.
func (e *eventReader) line() ([]byte, error) {
	line, err := e.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) && len(long) <= maxEvent {
			line, err = e.lines.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	if len(line) > maxEvent {
		return nil, fmt.Errorf("a line of more than %d bytes", maxEvent)
	}
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

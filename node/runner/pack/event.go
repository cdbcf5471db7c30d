package pack

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const maxEvent = 1 << 20 // bytes of one event of a stream

var (
	errDone = errors.New("the stream's end")
	// shown are the fields of an event that reach a requester.
	shown = []string{"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "error"}
)

// usage counts tokens in the API's words.
type usage struct {
	Prompt     uint64 `json:"prompt_tokens"`
	Completion uint64 `json:"completion_tokens"`
	Total      uint64 `json:"total_tokens"`
	Details    struct {
		Cached uint64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// event is one of a stream.
type event struct {
	fields  map[string]json.RawMessage // as a requester sees them
	choice  *part                      // nil where it has none
	usage   *usage
	timings *timings
	broken  bool // it tells an error
}

// timings are llama-server's count so far.
type timings struct {
	Cached uint64 `json:"cache_n"`
	Read   uint64 `json:"prompt_n"`
	Made   uint64 `json:"predicted_n"`
}

// part is what an event adds to an answer.
type part struct {
	Text     string                     `json:"text"`
	Delta    map[string]json.RawMessage `json:"delta"`
	LogProbs json.RawMessage            `json:"logprobs"`
	Finish   *string                    `json:"finish_reason"`
}

// makes tells whether the part has something of an answer.
func (p *part) makes() bool {
	if p.Text != "" {
		return true
	}
	for name, value := range p.Delta {
		if s := string(value); name != "role" && s != "null" && s != `""` {
			return true
		}
	}
	return false
}

// events reads a stream of server-sent events.
type events struct{ lines *bufio.Reader }

func newEvents(r io.Reader) events { return events{bufio.NewReaderSize(r, 64<<10)} }

// next is the next event; errDone is the end that the server told.
func (e events) next() (*event, error) {
	for {
		line, err := e.line()
		if err != nil {
			return nil, err
		}
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok { // a comment, a name, or the empty line behind an event
			if data, ok = bytes.CutPrefix(line, []byte("error:")); !ok {
				continue
			}
		}
		if data = bytes.TrimSpace(data); string(data) == "[DONE]" {
			return nil, errDone
		}
		return parse(data)
	}
}

// line reads one within the limit.
func (e events) line() ([]byte, error) {
	var all []byte
	for {
		piece, err := e.lines.ReadSlice('\n')
		if len(all)+len(piece) > maxEvent {
			return nil, fmt.Errorf("an event of more than %d bytes", maxEvent)
		}
		all = append(all, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		default:
			return all, err
		}
	}
}

func parse(data []byte) (*event, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("an event that is no JSON: %w", err)
	}
	ev := &event{fields: map[string]json.RawMessage{}}
	for _, name := range shown {
		if value, ok := all[name]; ok {
			ev.fields[name] = value
		}
	}
	var choices []part
	for name, to := range map[string]any{"choices": &choices, "usage": &ev.usage, "timings": &ev.timings} {
		if raw, ok := all[name]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return nil, fmt.Errorf("an event's %s: %w", name, err)
			}
		}
	}
	if len(choices) > 1 {
		return nil, fmt.Errorf("an event of %d answers to one request", len(choices))
	}
	if len(choices) == 1 {
		ev.choice = &choices[0]
	}
	_, ev.broken = all["error"]
	return ev, nil
}

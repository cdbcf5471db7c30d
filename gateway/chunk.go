package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	maxAnswer = 64 << 20 // bytes of an answer
	maxRest   = 4 << 10  // bytes behind the end of a stream
	maxPrint  = 128      // bytes of a fingerprint
	specials  = 16       // tokens without a text that each answer may have

	// What an answer may have for each token that was asked for, and beside them: the longest
	// tokens have 128 bytes, of which JSON makes six times as many, and calls of tools have
	// JSON around theirs. Logprobs name up to 20 others with each token.
	tokenBytes  = 1 << 10
	logBytes    = 21 << 10
	besideBytes = 64 << 10
	vectorBytes = 256 << 10 // of an embedding: 8192 numbers
)

// piece is what a chunk adds to one answer.
type piece struct {
	index    int
	delta    []field         // of a chat, without the role
	text     json.RawMessage // of a plain completion, in quotes; nil if nothing
	logProbs json.RawMessage
	finish   string // "" before the end
	tokens   []int
}

// field is one of an object.
type field struct {
	name  string
	value json.RawMessage
}

// says tells whether a piece has something for the client.
func (p *piece) says() bool {
	return p.text != nil || p.delta != nil || p.finish != "" || p.logProbs != nil
}

// chunk is a part of a rig's answer.
type chunk struct {
	pieces      []piece
	fingerprint string
	whole       map[string]json.RawMessage // instead: an answer that is no stream
}

// usage counts tokens in the API's words.
type usage struct {
	Prompt     uint64 `json:"prompt_tokens"`
	Completion uint64 `json:"completion_tokens"`
	Total      uint64 `json:"total_tokens"`
	Details    struct {
		Cached uint64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// readStream reads chunks until the end of the stream.
func (a *attempt) readStream(body io.Reader, started time.Time, stall *time.Timer) error {
	events := newEventReader(body)
	for {
		data, err := events.next()
		switch {
		case errors.Is(err, errDone):
			_, _ = io.CopyN(io.Discard, events.lines, maxRest) // so that the connection can be used again
			return a.ending(nil)
		case err != nil:
			return a.ending(err)
		}
		c, err := a.decode(data)
		if err != nil {
			return err
		}
		if len(c.pieces) == 0 {
			continue // nobody gets further by it
		}
		a.begin(started)
		if err := a.push(c, len(data)+chunkCost*len(c.pieces)); err != nil {
			return err
		}
		stall.Reset(stallWait)
	}
}

// ending holds the end of a stream against what it said: without [DONE] it is complete where
// every answer is.
func (a *attempt) ending(err error) error {
	whole := len(a.finished) >= a.q.answers()
	if whole {
		a.settle()
		return nil
	}
	if err == nil {
		err = errors.New("its stream ended before the answer did")
	}
	return err
}

// settle takes the rig's own count of tokens as far as what arrived can bear it out.
func (a *attempt) settle() {
	if a.usage == nil {
		return
	}
	u := a.usage
	u.Prompt = min(u.Prompt, a.q.mostRead(&a.offer.Model)+uint64(len(a.made)))
	u.Details.Cached = min(u.Details.Cached, u.Prompt)
	u.Completion = min(u.Completion, a.q.mostMade(&a.offer.Model), uint64(a.seen)+a.counted+specials*uint64(a.q.answers()))
	u.Total = u.Prompt + u.Completion
	a.read, a.tokens = u.Prompt-u.Details.Cached, u.Completion
}

// wireChunk is a chunk as a rig sends it.
type wireChunk struct {
	Fingerprint string `json:"system_fingerprint"`
	Choices     []struct {
		Index    int                        `json:"index"`
		Delta    map[string]json.RawMessage `json:"delta"`
		Text     json.RawMessage            `json:"text"`
		LogProbs json.RawMessage            `json:"logprobs"`
		Finish   string                     `json:"finish_reason"`
		Tokens   []int                      `json:"token_ids"`
	} `json:"choices"`
	Usage *usage `json:"usage"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// decode reads a chunk and counts its tokens.
func (a *attempt) decode(data []byte) (c chunk, err error) {
	if bytes.ContainsAny(data, "\r\n") { // of several lines; what is passed on must be one
		var one bytes.Buffer
		if err := json.Compact(&one, data); err != nil {
			return c, fmt.Errorf("its stream: %w", err)
		}
		data = one.Bytes()
	}
	var w wireChunk
	if err := json.Unmarshal(data, &w); err != nil {
		return c, fmt.Errorf("its stream: %w", err)
	}
	if w.Error != nil {
		return c, fmt.Errorf("it broke off: %.200s", w.Error.Message)
	}
	if w.Usage != nil {
		a.usage = w.Usage
	}
	if len(w.Fingerprint) <= maxPrint {
		c.fingerprint = w.Fingerprint
	}
	for i := range w.Choices {
		choice := &w.Choices[i]
		if choice.Index < 0 || choice.Index >= a.q.answers() || a.finished[choice.Index] {
			return c, fmt.Errorf("its stream has answer %d out of place", choice.Index)
		}
		p := piece{index: choice.Index, text: unlessEmpty(choice.Text), logProbs: unlessEmpty(choice.LogProbs), finish: choice.Finish}
		if p.text != nil && p.text[0] != '"' {
			return c, errors.New("its stream has a text that is none")
		}
		if a.q.settled && a.hire.continues {
			p.tokens = choice.Tokens
		}
		p.delta = said(choice.Delta)
		if err := a.weigh(&p); err != nil {
			return c, err
		}
		if p.finish != "" {
			a.finished[p.index] = true
		}
		if p.says() || len(p.tokens) > 0 {
			a.count(p)
			c.pieces = append(c.pieces, p)
		}
	}
	return c, nil
}

// said are the fields of a delta that say something, by their names.
func said(delta map[string]json.RawMessage) (fields []field) {
	for name, value := range delta {
		if value = unlessEmpty(value); value != nil && name != "role" {
			fields = append(fields, field{name, value})
		}
	}
	if len(fields) > 1 {
		slices.SortFunc(fields, func(a, b field) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	}
	return fields
}

// unlessEmpty is a value; nil where it is null or an empty text.
func unlessEmpty(value json.RawMessage) json.RawMessage {
	if s := string(value); s == "null" || s == `""` {
		return nil
	}
	return value
}

// weigh holds an answer to what the tokens that were asked for can say.
func (a *attempt) weigh(p *piece) error {
	for _, f := range p.delta {
		a.seen += len(f.value)
		a.sent += len(f.name) + len(f.value)
	}
	a.seen += len(p.text)
	a.sent += len(p.text) + len(p.logProbs) + len(p.finish)
	a.named += len(p.tokens)
	most, size := a.q.mostMade(&a.offer.Model), a.q.mostBytes(&a.offer.Model)
	switch {
	case a.sent > size && size == maxAnswer:
		return errLarge
	case a.sent > size, uint64(len(a.made)+a.named) > most+specials:
		return fmt.Errorf("it sent more than the %d tokens that were asked for", most)
	}
	return nil
}

// count credits the tokens of a piece: those it names, else one where it has a text.
func (a *attempt) count(p piece) {
	n := uint64(len(p.tokens))
	if n == 0 && (p.text != nil || p.delta != nil) {
		n = 1
	}
	if most := a.q.mostMade(&a.offer.Model); a.counted+n > most {
		n = most - a.counted
	}
	a.tokens += n
	a.counted += n
	a.hire.earn(int64(n))
}

// readWhole reads an answer that is no stream.
func (a *attempt) readWhole(body io.Reader, started time.Time) error {
	most := a.q.mostBytes(&a.offer.Model)
	raw, err := io.ReadAll(io.LimitReader(body, int64(most)+1))
	if err != nil {
		return err
	}
	switch {
	case len(raw) > most && most == maxAnswer:
		return errLarge
	case len(raw) > most:
		return fmt.Errorf("its answer has more than %d bytes", most)
	}
	var c chunk
	if err := json.Unmarshal(raw, &c.whole); err != nil {
		return fmt.Errorf("its answer: %w", err)
	}
	a.usage = new(usage)
	if err := json.Unmarshal(c.whole["usage"], a.usage); err != nil {
		return fmt.Errorf("its answer's usage: %w", err)
	}
	a.begin(started)
	a.settle()
	return a.push(c, len(raw))
}

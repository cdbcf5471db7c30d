package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// piece is what a chunk adds to one answer.
type piece struct {
	index    int
	delta    map[string]json.RawMessage // of a chat, without the role
	text     string                     // of a plain completion
	logProbs json.RawMessage
	finish   string // "" before the end
	tokens   []int
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
func (a *attempt) readStream(ctx context.Context, body io.Reader, started time.Time, stall *time.Timer) error {
	events := newEventReader(body)
	for {
		data, err := events.next()
		switch {
		case errors.Is(err, errDone):
			_, _ = io.CopyN(io.Discard, events.lines, maxRest) // so that the connection can be used again
			return a.ended(nil)
		case err != nil:
			return a.ended(err)
		}
		c, err := a.decode(data)
		if err != nil {
			return err
		}
		if len(c.pieces) > 0 {
			a.begin(started)
			stall.Stop() // a slow client is not the rig's fault
			if err := a.push(ctx, c); err != nil {
				return err
			}
		}
		stall.Reset(stallWait)
	}
}

// ended holds the end of a stream against what it said: without [DONE] it is complete where
// every answer is.
func (a *attempt) ended(err error) error {
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
	u.Prompt = min(u.Prompt, a.q.mostRead(a.offer.Model.Context)+uint64(len(a.made)))
	u.Details.Cached = min(u.Details.Cached, u.Prompt)
	u.Completion = min(u.Completion, a.q.mostMade(a.offer.Model.Context), uint64(a.seen)+a.counted+specials*uint64(a.q.answers()))
	u.Total = u.Prompt + u.Completion
	a.read, a.tokens = u.Prompt-u.Details.Cached, u.Completion
}

// decode reads a chunk and counts its tokens.
func (a *attempt) decode(data []byte) (c chunk, err error) {
	var w struct {
		Fingerprint string `json:"system_fingerprint"`
		Choices     []struct {
			Index    int                        `json:"index"`
			Delta    map[string]json.RawMessage `json:"delta"`
			Text     string                     `json:"text"`
			LogProbs json.RawMessage            `json:"logprobs"`
			Finish   string                     `json:"finish_reason"`
			Tokens   []int                      `json:"token_ids"`
		} `json:"choices"`
		Usage *usage `json:"usage"`
		Error *struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return c, fmt.Errorf("its stream: %w", err)
	}
	if w.Error != nil {
		return c, fmt.Errorf("it broke off: %.200s", w.Error.Message)
	}
	if w.Usage != nil {
		a.usage = w.Usage
	}
	c.fingerprint = w.Fingerprint
	for _, choice := range w.Choices {
		if choice.Index < 0 || choice.Index >= a.q.answers() || a.finished[choice.Index] {
			return c, fmt.Errorf("its stream has answer %d out of place", choice.Index)
		}
		p := piece{index: choice.Index, text: choice.Text, logProbs: choice.LogProbs, finish: choice.Finish, tokens: choice.Tokens}
		if string(p.logProbs) == "null" {
			p.logProbs = nil
		}
		for name, value := range choice.Delta {
			if name != "role" && string(value) != "null" && string(value) != `""` {
				if p.delta == nil {
					p.delta = map[string]json.RawMessage{}
				}
				p.delta[name] = value
				a.seen += len(value)
			}
		}
		a.seen += len(p.text)
		if p.finish != "" {
			a.finished[p.index] = true
		}
		if p.text == "" && p.delta == nil && p.finish == "" && len(p.tokens) == 0 && p.logProbs == nil {
			continue
		}
		a.count(p)
		c.pieces = append(c.pieces, p)
	}
	return c, nil
}

// count credits the tokens of a piece: those it names, else one where it has a text.
func (a *attempt) count(p piece) {
	n := uint64(len(p.tokens))
	if n == 0 && (p.text != "" || p.delta != nil) {
		n = 1
	}
	if most := a.q.mostMade(a.offer.Model.Context); a.counted+n > most {
		n = most - a.counted
	}
	a.tokens += n
	a.counted += n
	a.hire.earn(int64(n))
}

package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
)

// wholeSink collects an answer and gives it out in one piece.
type wholeSink struct {
	d       *dispatch
	choices []*choice
	size    int
	fields  map[string]any // of an answer that is no stream
	body    any            // set by end
}

// choice is one answer as far as it is here.
type choice struct {
	text     strings.Builder // of a plain completion
	message  object          // of a chat
	logProbs object
	finish   string
}

func (s *wholeSink) begin(d *dispatch) error {
	s.d = d
	s.clear()
	return nil
}

func (s *wholeSink) clear() {
	s.size, s.fields, s.choices = 0, nil, nil
	for range s.d.q.answers() {
		s.choices = append(s.choices, &choice{})
	}
}

func (s *wholeSink) again() bool {
	if s.d != nil {
		s.clear()
	}
	return true
}

func (s *wholeSink) whole(fields map[string]any) error {
	s.fields = fields
	return nil
}

func (s *wholeSink) flush() error { return nil }

func (s *wholeSink) piece(p *piece) error {
	c := s.choices[p.index]
	if p.text != nil {
		var text string
		if err := json.Unmarshal(p.text, &text); err != nil {
			return fmt.Errorf("its text: %w", err)
		}
		c.text.WriteString(text)
		if err := s.take(len(text)); err != nil {
			return err
		}
	}
	if p.finish != "" {
		c.finish = p.finish
	}
	for _, f := range p.delta {
		var v any
		if err := json.Unmarshal(f.value, &v); err != nil {
			return fmt.Errorf("its delta.%s: %w", f.name, err)
		}
		if c.message == nil {
			c.message = object{}
		}
		if err := s.merge(c.message, f.name, v); err != nil {
			return err
		}
	}
	if p.logProbs != nil {
		var v object
		if err := json.Unmarshal(p.logProbs, &v); err != nil {
			return fmt.Errorf("its logprobs: %w", err)
		}
		if c.logProbs == nil {
			c.logProbs = object{}
		}
		if err := s.mergeObject(c.logProbs, v); err != nil {
			return err
		}
	}
	return nil
}

func (s *wholeSink) end(d *dispatch) error {
	switch d.q.form {
	case imageForm:
		s.fields["created"] = d.created.Unix()
		s.fields["usage"] = map[string]uint64{"input_tokens": 0, "output_tokens": d.total.Completion, "total_tokens": d.total.Completion}
		s.body = s.fields
		return nil
	case embedForm:
		s.fields["model"], s.fields["usage"] = d.model, map[string]uint64{"prompt_tokens": d.total.Prompt, "total_tokens": d.total.Prompt}
		s.body = s.fields
		return nil
	}
	choices := make([]any, len(s.choices))
	for i, c := range s.choices {
		one := map[string]any{"index": i, "finish_reason": c.finish, "logprobs": any(c.logProbs)}
		if c.logProbs == nil {
			one["logprobs"] = nil
		}
		if d.q.form == textForm {
			one["text"] = c.text.String()
		} else {
			one["message"] = c.said()
		}
		choices[i] = one
	}
	reply := map[string]any{"id": d.id, "object": d.q.form.whole, "created": d.created.Unix(), "model": d.model, "choices": choices, "usage": d.total}
	if d.fingerprint != "" {
		reply["system_fingerprint"] = d.fingerprint
	}
	s.body = reply
	return nil
}

// said is the message of a chat: its content is null where there are only calls of tools,
// and these have no index there.
func (c *choice) said() map[string]any {
	m := c.message
	if m == nil {
		m = object{}
	}
	m["role"] = "assistant"
	if calls, ok := m["tool_calls"].([]any); ok {
		for _, call := range calls {
			if call, ok := call.(object); ok {
				delete(call, "index")
			}
		}
	}
	if _, ok := m["content"]; !ok {
		m["content"] = nil
		if m["tool_calls"] == nil && m["function_call"] == nil {
			m["content"] = ""
		}
	}
	if _, ok := m["refusal"]; !ok {
		m["refusal"] = nil
	}
	return m
}

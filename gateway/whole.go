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
	message  map[string]any  // of a chat
	logProbs map[string]any
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

func (s *wholeSink) piece(p piece) error {
	c := s.choices[p.index]
	c.text.WriteString(p.text)
	s.size += len(p.text) + len(p.logProbs)
	if p.finish != "" {
		c.finish = p.finish
	}
	for name, value := range p.delta {
		s.size += len(value)
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			return fmt.Errorf("delta.%s: %w", name, err)
		}
		if c.message == nil {
			c.message = map[string]any{}
		}
		c.message[name] = merge(c.message[name], v)
	}
	if p.logProbs != nil {
		var v map[string]any
		if err := json.Unmarshal(p.logProbs, &v); err != nil {
			return fmt.Errorf("logprobs: %w", err)
		}
		if c.logProbs == nil {
			c.logProbs = map[string]any{}
		}
		for name, list := range v {
			more, _ := list.([]any)
			had, _ := c.logProbs[name].([]any)
			c.logProbs[name] = append(had, more...)
		}
	}
	if s.size > maxAnswer {
		return fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return nil
}

// merge joins what two chunks say of one field: texts are put behind each other, objects are
// merged field by field, and lists by the index that their elements name.
func merge(had, more any) any {
	switch more := more.(type) {
	case string:
		if text, ok := had.(string); ok {
			return text + more
		}
	case map[string]any:
		object, ok := had.(map[string]any)
		if !ok {
			break
		}
		for name, v := range more {
			if name == "id" || name == "type" || name == "index" || name == "name" && object[name] == v {
				object[name] = v
			} else {
				object[name] = merge(object[name], v)
			}
		}
		return object
	case []any:
		list, _ := had.([]any)
		for _, v := range more {
			list = mergeElement(list, v)
		}
		return list
	}
	return more
}

// mergeElement joins an element with the one of its index.
func mergeElement(list []any, v any) []any {
	object, ok := v.(map[string]any)
	if !ok {
		return append(list, v)
	}
	for i, had := range list {
		if other, ok := had.(map[string]any); ok && other["index"] == object["index"] && object["index"] != nil {
			list[i] = merge(other, object)
			return list
		}
	}
	return append(list, object)
}

func (s *wholeSink) end(d *dispatch) error {
	if d.q.form == embedForm {
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
		m = map[string]any{}
	}
	m["role"] = "assistant"
	if calls, ok := m["tool_calls"].([]any); ok {
		for _, call := range calls {
			if call, ok := call.(map[string]any); ok {
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

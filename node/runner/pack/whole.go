package pack

import (
	"encoding/json"
	"fmt"
	"strings"
)

// sum makes one answer of a stream's events.
type sum struct {
	chat     bool
	fields   map[string]json.RawMessage // of the last event that had them
	text     strings.Builder
	message  map[string]any // of a chat
	logProbs map[string]any
	finish   *string
	size     int // bytes of all events
}

func newSum(chat bool) *sum {
	return &sum{chat: chat, fields: map[string]json.RawMessage{}, message: map[string]any{"role": "assistant", "content": nil}}
}

// add takes an event.
func (s *sum) add(ev *event) error {
	for name, value := range ev.fields {
		if name != "choices" {
			s.fields[name] = value
		}
	}
	p := ev.choice
	if p == nil {
		return nil
	}
	s.size += len(p.Text) + len(p.LogProbs)
	s.text.WriteString(p.Text)
	for name, raw := range p.Delta {
		s.size += len(raw)
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("an event's %.40q: %w", name, err)
		}
		if name != "role" {
			s.message[name] = merged(s.message[name], v)
		}
	}
	var probs map[string]any
	if len(p.LogProbs) > 0 && json.Unmarshal(p.LogProbs, &probs) == nil && probs != nil {
		s.logProbs, _ = merged(s.logProbs, probs).(map[string]any)
	}
	if p.Finish != nil {
		s.finish = p.Finish
	}
	if s.size > maxWhole {
		return fmt.Errorf("an answer of more than %d bytes", maxWhole)
	}
	return nil
}

// merged is a value behind another: texts and lists go on, the calls of tools by their index.
func merged(old, v any) any {
	switch v := v.(type) {
	case string:
		if before, ok := old.(string); ok {
			return before + v
		}
	case []any:
		before, ok := old.([]any)
		if !ok {
			before = nil
		}
		for _, one := range v {
			before = placed(before, one)
		}
		return before
	case map[string]any:
		before, ok := old.(map[string]any)
		if !ok || before == nil {
			return v
		}
		for name, one := range v {
			if name == "id" || name == "type" || name == "index" { // told once, or again
				before[name] = one
				continue
			}
			before[name] = merged(before[name], one)
		}
		return before
	case nil:
		return old
	}
	return v
}

// placed puts a list's entry behind the others, or into the one that has its index.
func placed(list []any, v any) []any {
	entry, ok := v.(map[string]any)
	index, numbered := entry["index"].(float64) // else it may be a list, which compares with nothing
	if !ok || !numbered {
		return append(list, v)
	}
	for i, one := range list {
		if before, ok := one.(map[string]any); ok && before["index"] == any(index) {
			list[i] = merged(before, v)
			return list
		}
	}
	return append(list, v)
}

// body is the whole answer.
func (s *sum) body() ([]byte, error) {
	choice := map[string]any{"index": 0, "finish_reason": s.finish, "logprobs": any(s.logProbs)}
	if s.logProbs == nil {
		choice["logprobs"] = nil
	}
	kind := "text_completion"
	if s.chat {
		if calls, ok := s.message["tool_calls"].([]any); ok {
			for _, call := range calls {
				if call, ok := call.(map[string]any); ok {
					delete(call, "index")
				}
			}
		} else if s.message["content"] == nil {
			s.message["content"] = ""
		}
		kind, choice["message"] = "chat.completion", s.message
	} else {
		choice["text"] = s.text.String()
	}
	out := map[string]any{"object": kind, "choices": []any{choice}}
	for name, value := range s.fields {
		if _, ok := out[name]; !ok {
			out[name] = value
		}
	}
	return json.Marshal(out)
}

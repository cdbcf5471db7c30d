// Package chat turns a conversation into the prompt that a model was trained on.
// Model files carry a template in the Jinja language; this package does not run it
// but recognises the common families by the marks they all have, and writes their
// form: roles, marks and trimmed texts. What single templates add (a default system
// text, today's date, tools) is not added. Begin with [Detect].
package chat

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rerig/rerig/engine/tokenizer"
)

// Message is one turn. Role is "system", "user" or "assistant".
type Message struct {
	Role, Text string
}

// Format is a family of templates.
type Format struct {
	// Name is llama-3, chatml, llama-2, zephyr or plain.
	Name   string
	render func(messages []Message) []tokenizer.Part
}

// Detect recognises the family of a template. The empty template, of a model that
// was not trained on conversations, is plain: the texts, one per line. Errors say
// that a template is of no known family.
func Detect(template string) (Format, error) {
	has := func(marks ...string) bool {
		for _, mark := range marks {
			if !strings.Contains(template, mark) {
				return false
			}
		}
		return true
	}
	switch {
	case strings.TrimSpace(template) == "":
		return Format{"plain", plain}, nil
	case has("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"):
		return Format{"llama-3", llama3}, nil
	case has("<|im_start|>", "<|im_end|>"):
		return Format{"chatml", chatML}, nil
	case has("[INST]", "[/INST]", "<<SYS>>"):
		return Format{"llama-2", llama2}, nil
	case has("<|user|>", "<|assistant|>", "eos_token") && !has("<|end|>"):
		return Format{"zephyr", zephyr}, nil
	}
	return Format{}, errors.New("the model's chat template is of no known family (llama-3, chatml, llama-2, zephyr); use /v1/completions with a prompt in the model's own form")
}

// Prompt returns the conversation as parts of a prompt, up to where the model's
// answer begins.
func (f Format) Prompt(messages []Message) ([]tokenizer.Part, error) {
	if len(messages) == 0 {
		return nil, errors.New("the conversation has no messages")
	}
	for i, m := range messages {
		if m.Role != "system" && m.Role != "user" && m.Role != "assistant" {
			return nil, fmt.Errorf("message %d has role %q, want system, user or assistant", i, m.Role)
		}
	}
	return f.render(messages), nil
}

func text(s string) tokenizer.Part    { return tokenizer.Part{Text: s} }
func control(s string) tokenizer.Part { return tokenizer.Part{Text: s, Control: true} }

func llama3(messages []Message) []tokenizer.Part {
	parts := []tokenizer.Part{control("<|begin_of_text|>")}
	header := func(role string) {
		parts = append(parts, control("<|start_header_id|>"), text(role), control("<|end_header_id|>"), text("\n\n"))
	}
	for _, m := range messages {
		header(m.Role)
		parts = append(parts, text(strings.TrimSpace(m.Text)), control("<|eot_id|>"))
	}
	header("assistant")
	return parts
}

func chatML(messages []Message) []tokenizer.Part {
	var parts []tokenizer.Part
	for _, m := range messages {
		parts = append(parts, control("<|im_start|>"), text(m.Role+"\n"+m.Text), control("<|im_end|>"), text("\n"))
	}
	return append(parts, control("<|im_start|>"), text("assistant\n"))
}

// llama2 puts the system text into the user's first turn.
func llama2(messages []Message) []tokenizer.Part {
	var parts []tokenizer.Part
	system := ""
	for _, m := range messages {
		body := strings.TrimSpace(m.Text)
		switch m.Role {
		case "system":
			system = "<<SYS>>\n" + body + "\n<</SYS>>\n\n"
		case "user":
			parts = append(parts, control("<s>"), text("[INST] "+system+body+" [/INST]"))
			system = ""
		case "assistant":
			parts = append(parts, text(" "+body+" "), control("</s>"))
		}
	}
	return parts
}

func zephyr(messages []Message) []tokenizer.Part {
	var parts []tokenizer.Part
	for _, m := range messages {
		parts = append(parts, control("<|"+m.Role+"|>"), text("\n"+m.Text), control("</s>"), text("\n"))
	}
	return append(parts, control("<|assistant|>"), text("\n"))
}

func plain(messages []Message) []tokenizer.Part {
	var lines []string
	for _, m := range messages {
		lines = append(lines, m.Text)
	}
	return []tokenizer.Part{text(strings.Join(lines, "\n"))}
}

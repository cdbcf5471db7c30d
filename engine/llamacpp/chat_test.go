package llamacpp

import (
	"strings"
	"testing"

	"github.com/rerig/rerig/engine/chat"
)

// templates are what models of each family carry, without the parts about tools
// and default texts.
var templates = map[string]string{
	"llama-3": "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' %}" +
		"{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
	"chatml": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
	"llama-2": "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] | trim %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}" +
		"{% for message in loop_messages %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + (message['content'] | trim) %}{% else %}{% set content = message['content'] | trim %}{% endif %}" +
		"{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + content + ' ' + eos_token }}{% endif %}{% endfor %}",
	"zephyr": "{% for message in messages %}{% if message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + eos_token + '\n' }}{% elif message['role'] == 'system' %}{{ '<|system|>\n' + message['content'] + eos_token + '\n' }}" +
		"{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' + message['content'] + eos_token + '\n' }}{% endif %}{% if loop.last and add_generation_prompt %}{{ '<|assistant|>' + '\n' }}{% endif %}{% endfor %}",
}

// TestPromptsEqualTemplates lets llama.cpp's Jinja run each family's template and
// compares with what package chat writes without running it.
func TestPromptsEqualTemplates(t *testing.T) {
	t.Parallel()
	r := reference(t)
	conversations := [][]Message{
		{{"user", "Hi"}},
		{{"system", "Be brief."}, {"user", " Hi there "}, {"assistant", "Hello."}, {"user", "Bye\n"}},
	}
	var names []string
	var questions []Question
	var answers []any
	for name, template := range templates {
		for _, messages := range conversations {
			q := Question{Kind: "render", Template: template, Messages: messages, Names: map[string]string{"bos_token": "<s>", "eos_token": "</s>"}}
			if name == "llama-3" {
				q.Names["bos_token"] = "<|begin_of_text|>"
			}
			names, questions, answers = append(names, name), append(questions, q), append(answers, new(string))
		}
	}
	if err := r.Ask(t.Context(), questions, answers...); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		f, err := chat.Detect(templates[name])
		if err != nil || f.Name != name {
			t.Errorf("the template of %s is detected as %q, %v", name, f.Name, err)
			continue
		}
		var messages []chat.Message
		for _, m := range questions[i].Messages {
			messages = append(messages, chat.Message{Role: m.Role, Text: m.Content})
		}
		parts, err := f.Prompt(messages)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, p := range parts {
			got.WriteString(p.Text)
		}
		if want := *answers[i].(*string); got.String() != want {
			t.Errorf("%s is\n%q, its template gives\n%q", name, got.String(), want)
		}
	}
}

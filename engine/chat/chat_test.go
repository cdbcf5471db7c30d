package chat

import (
	"strings"
	"testing"
)

// conversation is one of every role.
var conversation = []Message{{"system", " Be brief. "}, {"user", "Hi <|eot_id|>"}, {"assistant", "Hello."}, {"user", "Bye"}}

// spell shows parts: control tokens in double brackets.
func spell(f Format, t *testing.T) string {
	t.Helper()
	parts, err := f.Prompt(conversation)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, p := range parts {
		if p.Control {
			out.WriteString("[[" + p.Text + "]]")
		} else {
			out.WriteString(p.Text)
		}
	}
	return out.String()
}

// TestFormats pins each family's form. What a user writes stays text, even when it
// spells a control token.
func TestFormats(t *testing.T) {
	for name, c := range map[string]struct{ template, want string }{
		"llama-3": {"<|start_header_id|><|end_header_id|><|eot_id|>", "[[<|begin_of_text|>]][[<|start_header_id|>]]system[[<|end_header_id|>]]\n\nBe brief.[[<|eot_id|>]]" +
			"[[<|start_header_id|>]]user[[<|end_header_id|>]]\n\nHi <|eot_id|>[[<|eot_id|>]][[<|start_header_id|>]]assistant[[<|end_header_id|>]]\n\nHello.[[<|eot_id|>]]" +
			"[[<|start_header_id|>]]user[[<|end_header_id|>]]\n\nBye[[<|eot_id|>]][[<|start_header_id|>]]assistant[[<|end_header_id|>]]\n\n"},
		"chatml": {"<|im_start|><|im_end|>", "[[<|im_start|>]]system\n Be brief. [[<|im_end|>]]\n[[<|im_start|>]]user\nHi <|eot_id|>[[<|im_end|>]]\n" +
			"[[<|im_start|>]]assistant\nHello.[[<|im_end|>]]\n[[<|im_start|>]]user\nBye[[<|im_end|>]]\n[[<|im_start|>]]assistant\n"},
		"llama-2": {"[INST] <<SYS>> [/INST]", "[[<s>]][INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi <|eot_id|> [/INST] Hello. [[</s>]][[<s>]][INST] Bye [/INST]"},
		"zephyr": {"<|user|> eos_token <|assistant|>", "[[<|system|>]]\n Be brief. [[</s>]]\n[[<|user|>]]\nHi <|eot_id|>[[</s>]]\n" +
			"[[<|assistant|>]]\nHello.[[</s>]]\n[[<|user|>]]\nBye[[</s>]]\n[[<|assistant|>]]\n"},
		"plain": {" ", " Be brief. \nHi <|eot_id|>\nHello.\nBye"},
	} {
		f, err := Detect(c.template)
		if err != nil || f.Name != name {
			t.Errorf("%q is detected as %q, %v, want %s", c.template, f.Name, err, name)
			continue
		}
		if got := spell(f, t); got != c.want {
			t.Errorf("%s gives\n%q, want\n%q", name, got, c.want)
		}
	}
}

func TestWhatCannotBeSaidIsRefused(t *testing.T) {
	if _, err := Detect("{{ messages | my_own_format }}"); err == nil || !strings.Contains(err.Error(), "no known family") {
		t.Errorf("an unknown template gives %v", err)
	}
	f, err := Detect("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Prompt(nil); err == nil {
		t.Error("a conversation without messages is accepted")
	}
	if _, err := f.Prompt([]Message{{"tool", "x"}}); err == nil || !strings.Contains(err.Error(), `role "tool"`) {
		t.Errorf("the role tool gives %v", err)
	}
}

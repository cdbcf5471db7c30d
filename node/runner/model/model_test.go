package model

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/models/jargon"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked runs a job's program in this process, with the model given.
func asked(t *testing.T, gguf []byte, batch string, args ...string) (code int, out, told, answers string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	g := guest{in: t.TempDir(), out: t.TempDir(), stdout: &stdout, stderr: &stderr}
	for name, content := range map[string][]byte{file: gguf, "batch": []byte(batch)} {
		if err := os.WriteFile(filepath.Join(g.in, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code = g.run(t.Context(), args)
	b, err := os.ReadFile(filepath.Join(g.out, "answers.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return code, strings.TrimPrefix(stdout.String(), string(mark)), stderr.String(), string(b)
}

func TestAnswersAPrompt(t *testing.T) {
	code, out, told, _ := asked(t, jargon.GGUF(), "", "complete", "A hacker is", "-n", "12")
	if code != exitDone || told != "" || strings.TrimSpace(out) == "" || !strings.HasSuffix(out, "\n") {
		t.Fatalf("exit code %d, answer %q, error %q", code, out, told)
	}
	word := strings.Fields(out)[1]
	_, same, _, _ := asked(t, jargon.GGUF(), "", "-n", "12", "A hacker is") // this model has no form of a conversation
	if same != out {
		t.Errorf("asked in a conversation it says %q, else %q", same, out)
	}
	_, short, _, _ := asked(t, jargon.GGUF(), "", "complete", "-n", "12", "--stop", word, "A hacker is")
	if before, _, _ := strings.Cut(out, word); short != before+"\n" {
		t.Errorf("stopped before %q it says %q", word, short)
	}
	_, warm, _, _ := asked(t, jargon.GGUF(), "", "complete", "--temperature", "1.5", "--seed", "3", "A hacker is")
	_, again, _, _ := asked(t, jargon.GGUF(), "", "complete", "--temperature", "1.5", "--seed", "3", "A hacker is")
	if warm == out || warm != again {
		t.Errorf("a seed gives %q, then %q", warm, again)
	}
}

func TestRefuses(t *testing.T) {
	broken := bytes.Clone(jargon.GGUF()[:len(jargon.GGUF())/2])
	for _, c := range []struct {
		gguf []byte
		code int
		why  string
		args []string
	}{
		{jargon.GGUF(), exitUsage, "0 arguments", nil},
		{jargon.GGUF(), exitUsage, "3 arguments", []string{"chat", "a", "b"}},
		{jargon.GGUF(), exitUsage, "-n 0", []string{"-n", "0", "a"}},
		{jargon.GGUF(), exitUsage, "not defined", []string{"--loud", "a"}},
		{jargon.GGUF(), exitUsage, "--system", []string{"complete", "--system", "b", "a"}},
		{jargon.GGUF(), exitUsage, "plain name", []string{"--jsonl", "../etc/passwd"}},
		{jargon.GGUF(), exitUsage, "each line", []string{"--jsonl", "batch", "-n", "3"}},
		{jargon.GGUF(), exitUsage, "unexpected", []string{"--jsonl", "batch", "a"}},
		{jargon.GGUF(), exitRefused, "temperature", []string{"--temperature", "9", "a"}},
		{jargon.GGUF(), exitRefused, "the context is 256", []string{"complete", strings.Repeat("hack ", 300)}},
		{jargon.GGUF(), exitBroken, "--input", []string{"--jsonl", "nobody"}},
		{[]byte("<html>"), exitNoModel, "gguf", []string{"a"}},
		{broken, exitNoModel, "gguf", []string{"a"}},
	} {
		code, out, told, _ := asked(t, c.gguf, "", c.args...)
		if code != c.code || !strings.Contains(told, c.why) || out != "" {
			t.Errorf("%.40q: exit code %d, answer %q, error %q; want %d and %q", c.args, code, out, told, c.code, c.why)
		}
	}
}

// A batch is answered in its order, whatever single lines are.
func TestAnswersABatch(t *testing.T) {
	long := `{"custom_id":"long","url":"/v1/completions","body":{"prompt":"` + strings.Repeat("hack ", 300) + `"}}`
	code, _, told, got := asked(t, jargon.GGUF(), strings.Join([]string{
		`{"custom_id":"one","method":"POST","url":"/v1/completions","body":{"model":"gpt","prompt":"A hacker is","max_tokens":5,"temperature":0}}`,
		`not JSON`, ``,
		`{"custom_id":"two","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"A hacker is"}],"max_tokens":5,"temperature":0}}`,
		long, strings.Repeat("x", maxLine+1),
		`{"custom_id":"live","url":"/v1/completions","body":{"prompt":"x","stream":true}}`,
		`{"url":"/v1/completions","body":{"prompt":"x"}}`,
		`{"custom_id":"path","url":"/health","body":{}}`,
		`{"custom_id":"last","url":"/v1/completions","body":{"prompt":"A hacker is","max_tokens":5,"temperature":0}}`,
	}, "\n"), "--jsonl", "batch")
	if code != exitRefused || !strings.Contains(told, "6 of 9 requests") {
		t.Fatalf("exit code %d, error %q", code, told)
	}
	var texts []string
	for i, line := range strings.Split(strings.TrimSpace(got), "\n") {
		var r reply
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		want := []string{"one", "line 2", "two", "the context is 256", "line 6: over 1048576", "not streamed", "custom_id", "want /v1", "last"}[i]
		if !strings.Contains(line, want) {
			t.Errorf("answer %d is %s, want %q in it", i, line, want)
		}
		if r.good() {
			var e struct {
				Choices []struct {
					Text    string
					Message struct{ Content string }
				}
			}
			if err := json.Unmarshal(r.Response.Body, &e); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, e.Choices[0].Text+e.Choices[0].Message.Content)
		}
	}
	if len(texts) != 3 || texts[0] == "" || texts[0] != texts[1] || texts[1] != texts[2] {
		t.Errorf("one question has the answers %q", texts)
	}
}

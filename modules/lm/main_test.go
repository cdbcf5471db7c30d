package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rerig/rerig/engine/sampler"
	"github.com/rerig/rerig/models/jargon"
)

// modelFile writes the Jargon model, perhaps changed, to a file.
func modelFile(t *testing.T, change func([]byte) []byte) string {
	t.Helper()
	model := bytes.Clone(jargon.GGUF())
	if change != nil {
		model = change(model)
	}
	path := filepath.Join(t.TempDir(), "jargon.gguf")
	if err := os.WriteFile(path, model, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// recording is what models/jargon/record-llamacpp.mjs writes.
type recording struct {
	LlamaCpp string `json:"llama.cpp"`
	Cases    []struct {
		Prompt string `json:"prompt"`
		Input  []int  `json:"input"`
		Output []int  `json:"output"`
		Text   string `json:"text"`
	} `json:"cases"`
}

// TestGreedyTokensEqualLlamaCpp checks tokens and text against a recording of
// llama.cpp with the same model.
func TestGreedyTokensEqualLlamaCpp(t *testing.T) {
	raw, err := os.ReadFile("testdata/llamacpp.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded recording
	if err := json.Unmarshal(raw, &recorded); err != nil {
		t.Fatal(err)
	}
	model, tokens, err := load(modelFile(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(recorded.Cases) < 3 {
		t.Fatalf("%d recorded cases, want at least 3", len(recorded.Cases))
	}
	for _, c := range recorded.Cases {
		input := tokens.Encode(c.Prompt)
		if !slices.Equal(input, c.Input) {
			t.Errorf("%q encodes to %v, llama.cpp %s says %v", c.Prompt, input, recorded.LlamaCpp, c.Input)
		}
		pick, err := sampler.New(sampler.Options{TopP: 1})
		if err != nil {
			t.Fatal(err)
		}
		state, err := model.NewState(len(input) + len(c.Output))
		if err != nil {
			t.Fatal(err)
		}
		var output []int
		var text strings.Builder
		if _, err := extend(state, input, len(c.Output), tokens.EOS, pick, func(token int) error {
			output = append(output, token)
			text.Write(tokens.Text(token))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(output, c.Output) {
			t.Errorf("%q continues with %v, llama.cpp %s says %v", c.Prompt, output, recorded.LlamaCpp, c.Output)
		}
		if text.String() != c.Text {
			t.Errorf("%q continues with %q, llama.cpp %s says %q", c.Prompt, text.String(), recorded.LlamaCpp, c.Text)
		}
	}
}

// TestRecordedText pins the module's bytes for a prompt and a seed: rigs compare
// their results by them.
func TestRecordedText(t *testing.T) {
	for name, args := range map[string][]string{
		"greedy":  {"-n", "40", "--echo", "A hacker is"},
		"sampled": {"-n", "80", "--temp", "0.8", "--seed", "7", "--echo", "A hacker is"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if err := run(append([]string{"--model", modelFile(t, nil)}, args...), &stdout, &stderr); err != nil {
				t.Fatal(err)
			}
			golden := "testdata/" + name + ".txt"
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if stdout.String() != string(want) {
				t.Errorf("got %q, %s has %q", stdout.String(), golden, want)
			}
			if !strings.HasPrefix(stderr.String(), "tokens: prompt ") {
				t.Errorf("stderr is %q", stderr.String())
			}
		})
	}
}

// countingWriter counts its writes.
type countingWriter struct{ writes int }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes++
	return len(p), nil
}

func TestTokensAreWrittenOneByOne(t *testing.T) {
	var w countingWriter
	var stderr strings.Builder
	if err := run([]string{"--model", modelFile(t, nil), "-n", "12", "A hacker is"}, &w, &stderr); err != nil {
		t.Fatal(err)
	}
	var prompt, generated int
	if _, err := fmt.Sscanf(stderr.String(), "tokens: prompt %d, generated %d\n", &prompt, &generated); err != nil || generated < 2 {
		t.Fatalf("the counts are %q (%v), want at least 2 generated", stderr.String(), err)
	}
	if w.writes != generated+1 {
		t.Errorf("%d writes for %d tokens and a line end", w.writes, generated)
	}
}

func TestWrongArguments(t *testing.T) {
	model := modelFile(t, nil)
	for want, args := range map[string][]string{
		"the prompt is missing":           {"--model", model},
		"-n 0 is outside 1 to 65536":      {"-n", "0", "x"},
		"temp 11 is outside 0 to 10":      {"--temp", "11", "x"},
		"top-p 0 is outside 0 (excluded)": {"--top-p", "0", "x"},
		"flag provided but not defined":   {"--speed", "9", "x"},
		"the limit is 1048576":            {strings.Repeat("x", maxPrompt+1)},
	} {
		err := run(args, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, errUsage) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	long := run([]string{"--model", model, strings.Repeat("hack ", 300)}, io.Discard, io.Discard)
	if long == nil || !strings.Contains(long.Error(), "the model's context is 256; shorten the prompt") {
		t.Errorf("a prompt beyond the context gives %v", long)
	}
}

// patch sets the uint32 behind a key's name and type.
func patch(key string, value uint32) func([]byte) []byte {
	return func(model []byte) []byte {
		at := bytes.Index(model, []byte(key)) + len(key) + len("type")
		binary.LittleEndian.PutUint32(model[at:], value)
		return model
	}
}

func TestHostileModelsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]byte) []byte
		want   string
	}{
		"truncated":      {func(m []byte) []byte { return m[:len(m)/2] }, "ends beyond the file"},
		"wrong shape":    {patch("llama.feed_forward_length", 128), "want [256 128]"},
		"no layers":      {patch("llama.block_count", 0), "llama.block_count 0 is outside 1 to 128"},
		"extra layer":    {patch("llama.block_count", 4), `tensor "blk.3.attn_norm.weight" is missing`},
		"missing layer":  {patch("llama.block_count", 2), "is not supported"},
		"odd heads":      {patch("llama.attention.head_count", 3), "3 heads do not divide the width 256"},
		"key heads":      {patch("llama.attention.head_count_kv", 3), "3 key heads do not divide the 4 heads"},
		"odd rope":       {patch("llama.rope.dimension_count", 3), "llama.rope.dimension_count 3 is odd"},
		"BOS outside":    {patch("tokenizer.ggml.bos_token_id", 1024), "tokenizer.ggml.bos_token_id"},
		"other model":    {rename("llama.block_count", "llama.block_tnuoc"), "llama.block_count is missing"},
		"other alphabet": {rename("<0x0A>", "<0x0G>"), "is not a byte"},
		"byte twice":     {rename("<0x0A>", "<0x0B>"), "the byte piece <0x0A> is missing"},
		"other family":   {rename("\x05\x00\x00\x00\x00\x00\x00\x00llama", "\x05\x00\x00\x00\x00\x00\x00\x00qwen2"), `"qwen2" is not supported`},
	} {
		t.Run(name, func(t *testing.T) {
			err := run([]string{"--model", modelFile(t, c.change), "x"}, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// rename replaces the first occurrence of a string by one of the same length.
func rename(from, to string) func([]byte) []byte {
	return func(model []byte) []byte { return bytes.Replace(model, []byte(from), []byte(to), 1) }
}

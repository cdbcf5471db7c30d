package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/matrix"
	"github.com/rerig/rerig/engine/sampler"
	"github.com/rerig/rerig/engine/tokenizer"
	"github.com/rerig/rerig/models/jargon"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is a batcher with the Jargon model.
type machine struct {
	*Batcher
	tokens *tokenizer.Tokenizer
	stop   func()
}

// begin makes a batcher, and runs it unless the test wants to plan first.
func begin(t *testing.T, threads int, c Config) *machine {
	t.Helper()
	f, err := gguf.Read(bytes.NewReader(jargon.GGUF()), int64(len(jargon.GGUF())))
	if err != nil {
		t.Fatal(err)
	}
	model, err := llama.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenizer.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	pool := matrix.NewPool(threads)
	b, err := New(model, tokens, pool, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	m := &machine{b, tokens, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the batcher ends with %v", err)
		}
		pool.Close()
	})}
	t.Cleanup(m.stop)
	return m
}

// greedy is a request for the best tokens.
func (m *machine) greedy(prompt string, n int) Request {
	return Request{Prompt: m.tokens.Encode(prompt), Max: n, LogProbs: -1, Sampling: sampler.Options{TopP: 1}}
}

// read submits a request and returns its text.
func (m *machine) read(t *testing.T, r Request) (string, *Stream) {
	t.Helper()
	s, err := m.Submit(r)
	if err != nil {
		t.Error(err)
		return "", nil
	}
	defer s.Close()
	var text strings.Builder
	for {
		token, ok, err := s.Next(t.Context())
		if err != nil {
			t.Error(err)
			return "", nil
		}
		if !ok {
			return text.String(), s
		}
		text.WriteString(token.Text)
	}
}

// TestTextsTogetherEqualTextsAlone sends more requests than there are slots, at
// once, on several threads: each gets the text that it gets alone.
func TestTextsTogetherEqualTextsAlone(t *testing.T) {
	prompts := []string{"A hacker is", "kluge:", "The Unix DEC was", "bug: A piece of code", "A hacker is a person who", "foo bar"}
	alone := begin(t, 1, Config{Slots: 1, Context: 128, Queue: 10})
	want := map[string]string{}
	for _, p := range prompts {
		want[p], _ = alone.read(t, alone.greedy(p, 40))
	}
	together := begin(t, 3, Config{Slots: 3, Context: 128, Queue: 50})
	var readers sync.WaitGroup
	for i := range 4 * len(prompts) {
		readers.Go(func() {
			p := prompts[i%len(prompts)]
			if got, _ := together.read(t, together.greedy(p, 40)); got != want[p] {
				t.Errorf("%q continues with %q, alone with %q", p, got, want[p])
			}
		})
	}
	readers.Wait()
}

func TestABeginningIsReadOnce(t *testing.T) {
	m := begin(t, 1, Config{Slots: 2, Context: 200, Queue: 4})
	prompt := "The term 'bug' was first used in 1947, and it means a defect in a program"
	first, s := m.read(t, m.greedy(prompt, 10))
	if s.Reused() != 0 {
		t.Errorf("a first prompt reuses %d tokens", s.Reused())
	}
	again, s := m.read(t, m.greedy(prompt, 10))
	if n := len(m.tokens.Encode(prompt)); s.Reused() != n-1 || again != first {
		t.Errorf("the same prompt reuses %d of %d tokens and continues with %q, before with %q", s.Reused(), n, again, first)
	}
	// The text that the model made is part of the next turn.
	longer, s := m.read(t, m.greedy(prompt+first, 10))
	if n := len(m.tokens.Encode(prompt)); s.Reused() < n {
		t.Errorf("a continued conversation reuses %d tokens, want more than the %d of its beginning", s.Reused(), n)
	}
	fresh := begin(t, 1, Config{Slots: 1, Context: 200, Queue: 4})
	if want, _ := fresh.read(t, fresh.greedy(prompt+first, 10)); longer != want {
		t.Errorf("with a reused beginning the text is %q, without it %q", longer, want)
	}
}

func TestRequestsEndWhenTheBatcherDoes(t *testing.T) {
	m := begin(t, 1, Config{Slots: 1, Context: 256, Queue: 2})
	r := m.greedy("x", 250)
	r.IgnoreEnd = true
	var streams []*Stream
	for range 2 {
		s, err := m.Submit(r)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	if _, ok, err := streams[0].Next(t.Context()); !ok || err != nil {
		t.Fatalf("no first token: %v", err)
	}
	m.stop()
	if _, err := m.Submit(r); !errors.Is(err, ErrStopped) {
		t.Errorf("a stopped batcher answers %v", err)
	}
	for i, s := range streams {
		var err error
		for ok := true; ok && err == nil; {
			_, ok, err = s.Next(t.Context())
		}
		if !errors.Is(err, ErrStopped) && s.Finish() != FinishLength {
			t.Errorf("stream %d ends with %q, %v", i, s.Finish(), err)
		}
	}
}

// TestAFullQueueIsBusy submits without anybody who works.
func TestAFullQueueIsBusy(t *testing.T) {
	m := begin(t, 1, Config{Slots: 1, Context: 64, Queue: 2})
	idle, err := New(m.model, m.tokens, matrix.NewPool(1), Config{Slots: 1, Context: 64, Queue: 2})
	if err != nil {
		t.Fatal(err)
	}
	var waiting []*Stream
	for range 2 {
		s, err := idle.Submit(m.greedy("x", 4))
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, s)
	}
	if _, err := idle.Submit(m.greedy("x", 4)); !errors.Is(err, ErrBusy) {
		t.Errorf("a full queue answers %v", err)
	}
	waiting[0].Close()
	if _, err := idle.Submit(m.greedy("x", 4)); err != nil {
		t.Errorf("a place in the queue that was given up answers %v", err)
	}
}

func TestWrongRequestsAreRefused(t *testing.T) {
	m := begin(t, 1, Config{Slots: 1, Context: 64, Queue: 1})
	for want, change := range map[string]func(*Request){
		"the prompt is empty":            func(r *Request) { r.Prompt = nil },
		"the context is 64":              func(r *Request) { r.Prompt = make([]int, 64) },
		"want at least 1":                func(r *Request) { r.Max = 0 },
		"17 stop strings":                func(r *Request) { r.Stop = make([]string, 17) },
		"0 bytes":                        func(r *Request) { r.Stop = []string{""} },
		"21 alternatives":                func(r *Request) { r.LogProbs = 21 },
		"temp -1 is outside":             func(r *Request) { r.Sampling.Temp = -1 },
		"repetition penalty 3 is outsid": func(r *Request) { r.Sampling.Repeat = 3 },
	} {
		r := m.greedy("x", 4)
		change(&r)
		if _, err := m.Submit(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text, stops string // stops are separated by commas
		show        string
		stopped     bool
	}{
		{"hello", "", "hello", false},
		{"hello", "lo", "hel", true},
		{"hello wor", "world", "hello ", false},
		{"ab", "abc,b", "a", true},
		{"one two", "two,one", "", true},
		{"caf\xc3", "", "caf", false},
		{"\xf0\x9f\x98", "", "", false},
		{"x\xff", "", "x\xff", false},
		{"aab", "ab\n", "a", false},
	} {
		var stops []string
		if c.stops != "" {
			stops = strings.Split(c.stops, ",")
		}
		show, stopped := cut([]byte(c.text), stops)
		if c.text[:show] != c.show || stopped != c.stopped {
			t.Errorf("cut(%q, %q) shows %q, %v, want %q, %v", c.text, stops, c.text[:show], stopped, c.show, c.stopped)
		}
	}
}

// FuzzCut checks that no text is lost or shown that a stop string covers, however
// it arrives.
func FuzzCut(f *testing.F) {
	f.Add("hello world", "o w", uint8(3))
	f.Add("\u65e5\u672c\u8a9e", "\u672c", uint8(1))
	f.Fuzz(func(t *testing.T, text, stop string, step uint8) {
		if stop == "" || step == 0 {
			return
		}
		want, _, _ := strings.Cut(text, stop)
		var shown, pending []byte
		for rest := text; ; {
			n := min(int(step), len(rest))
			pending, rest = append(pending, rest[:n]...), rest[n:]
			show, stopped := cut(pending, []string{stop})
			shown, pending = append(shown, pending[:show]...), pending[show:]
			if stopped {
				break
			}
			if rest == "" {
				shown = append(shown, pending...)
				break
			}
		}
		if string(shown) != want {
			t.Errorf("%q with the stop %q in steps of %d shows %q, want %q", text, stop, step, shown, want)
		}
	})
}

// BenchmarkBatch measures texts that are continued together on one thread.
func BenchmarkBatch(b *testing.B) {
	for _, slots := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(slots), func(b *testing.B) { benchmarkBatch(b, slots) })
	}
}

func benchmarkBatch(b *testing.B, slots int) {
	f, err := gguf.Read(bytes.NewReader(jargon.GGUF()), int64(len(jargon.GGUF())))
	if err != nil {
		b.Fatal(err)
	}
	model, err := llama.Load(f)
	if err != nil {
		b.Fatal(err)
	}
	pool := matrix.NewPool(1)
	defer pool.Close()
	session, err := model.NewSession(pool, slots, 128)
	if err != nil {
		b.Fatal(err)
	}
	position := 0
	for b.Loop() {
		var spans []llama.Span
		for slot := range slots {
			spans = append(spans, llama.Span{Slot: slot, Position: position, Tokens: []int{300 + slot}, Logits: true})
		}
		if _, err := session.Step(spans); err != nil {
			b.Fatal(err)
		}
		position = (position + 1) % 128
	}
	b.ReportMetric(float64(b.N*slots)/b.Elapsed().Seconds(), "tokens/s")
}

package pack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is an engine whose one job is a server of this process.
type scripted struct {
	runner.Engine
	http.Handler
	said string // before it ends

	mu    sync.Mutex
	spec  runner.Spec
	asked []map[string]any // bodies, in their order
	web   *httptest.Server
	ended chan struct{}
	once  sync.Once
}

func (s *scripted) Start(ctx context.Context, spec runner.Spec, stdout, _ io.Writer) (runner.Job, error) {
	s.spec, s.ended = spec, make(chan struct{})
	s.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			raw, err := io.ReadAll(r.Body)
			var body map[string]any
			if err = errors.Join(err, json.Unmarshal(raw, &body)); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			s.mu.Lock()
			s.asked = append(s.asked, body)
			s.mu.Unlock()
		}
		s.ServeHTTP(w, r)
	}))
	_, err := io.WriteString(stdout, s.said)
	context.AfterFunc(ctx, s.Stop)
	return scriptedJob{scripted: s}, err
}

// Stop ends the server with all its connections.
func (s *scripted) Stop() {
	s.once.Do(func() {
		s.web.CloseClientConnections()
		s.web.Config.Close()
		close(s.ended)
	})
}

type scriptedJob struct {
	runner.Job
	*scripted
}

func (j scriptedJob) Dial(ctx context.Context, _ uint16) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", j.web.Listener.Addr().String())
}
func (j scriptedJob) Stop()               { j.scripted.Stop() }
func (j scriptedJob) Usage() runner.Usage { return runner.Usage{PeakMemoryBytes: 7 << 20} }
func (j scriptedJob) Wait() (runner.Result, error) {
	<-j.ended
	j.web.Close() // waits for its handlers
	return runner.Result{ExitCode: 3}, nil
}

// llama is a server that speaks as llama.cpp's does, and makes a word a token.
func llama(words func(w http.ResponseWriter, body map[string]any)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
		case "/props":
			fmt.Fprint(w, `{"default_generation_settings":{"n_ctx":512}}`)
		case "/v1/models":
			fmt.Fprint(w, `{"data":[{"meta":{"n_ctx_train":256}}]}`)
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			words(w, nil)
		}
	})
}

// says writes events of a completion, flushed one by one.
func says(w http.ResponseWriter, events ...string) {
	for _, ev := range events {
		fmt.Fprintf(w, "data: %s\n\n", ev)
		_ = http.NewResponseController(w).Flush()
	}
}

func word(text string, read, made int) string {
	return fmt.Sprintf(`{"choices":[{"index":0,"text":%q,"logprobs":null,"finish_reason":null}],"model":"m","__verbose":{"prompt":"secret"},"timings":{"cache_n":0,"prompt_n":%d,"predicted_n":%d}}`, text, read, made)
}

func finish(read, cached, made int) string {
	return fmt.Sprintf(`{"choices":[{"index":0,"text":"","finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}}`, read, made, read+made, cached)
}

func example() *protocol.EnginePack {
	return &protocol.EnginePack{Name: "scripted", Server: protocol.ServerLlama, Args: []string{"-m", "{model}", "-c", "{contexts}", "-p={port}", "{name}"},
		Port: 8080, Health: "/health", Seconds: 30, AtOnce: 2}
}

func serve(t *testing.T, e *scripted, p *protocol.EnginePack) *Server {
	t.Helper()
	s, err := Serve(t.Context(), e, Spec{Pack: p, Entry: []string{"server"}, Weights: "/in/model.gguf", Name: "m", Context: 300})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// ask reads a whole answer.
func ask(t *testing.T, s *Server, owner, path, body string) (status int, answer string, read, made uint64, err error) {
	t.Helper()
	a, err := s.Ask(t.Context(), "POST", path, owner, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if status, _, err = a.Head(); err == nil {
		var raw []byte
		raw, err = io.ReadAll(a)
		answer = string(raw)
	}
	read, made = a.Cost()
	return status, answer, read, made, err
}

const hello = `{"prompt":"say hello","max_tokens":5,"stream":true}`

// TestAnswers: a stream and a whole answer have the server's words, and cost what it counts.
func TestAnswers(t *testing.T) {
	e := &scripted{Handler: llama(func(w http.ResponseWriter, _ map[string]any) {
		says(w, word("hel", 9, 1), word("lo", 9, 2), finish(11, 2, 3), "[DONE]")
	})}
	s := serve(t, e, example())
	if got := strings.Join(e.spec.Args, " "); got != "server -m /in/model.gguf -c 600 -p=8080 m" || s.MemoryBytes() != 7<<20 {
		t.Errorf("it runs %s", got)
	}
	status, got, read, made, err := ask(t, s, "1", completePath, hello)
	if err != nil || status != 200 || read != 9 || made != 3 || strings.Count(got, "data: ") != 4 || !strings.HasSuffix(got, "data: [DONE]\n\n") {
		t.Errorf("%d %q, %d read and %d made, %v", status, got, read, made, err)
	}
	if strings.Contains(got, "timings") || strings.Contains(got, "secret") {
		t.Errorf("the requester sees %s", got)
	}
	_, got, _, made, err = ask(t, s, "1", completePath, `{"prompt":"say hello"}`)
	if err != nil || made != 3 || !strings.Contains(got, `"text":"hello"`) || !strings.Contains(got, `"finish_reason":"stop"`) || !strings.Contains(got, `"completion_tokens":3`) {
		t.Errorf("a whole answer is %s, %v", got, err)
	}
	a, err := s.Ask(t.Context(), "GET", "/v1/models", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(a); err != nil || !strings.Contains(string(raw), `"context_length":256`) {
		t.Errorf("it tells %s, %v", raw, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestWholeChat: a conversation's answer is put together of its parts, calls of tools by their
// numbers.
func TestWholeChat(t *testing.T) {
	delta := func(d string) string { return `{"choices":[{"index":0,"delta":` + d + `,"finish_reason":null}]}` }
	e := &scripted{Handler: llama(func(w http.ResponseWriter, _ map[string]any) {
		says(w, delta(`{"role":"assistant","content":null}`), delta(`{"reasoning_content":"hm"}`), delta(`{"content":"It "}`), delta(`{"content":"is"}`),
			delta(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}}]}`),
			delta(`{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"[]"}}]}`),
			delta(`{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}`),
			`{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`, `{"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":7,"total_tokens":11}}`, "[DONE]")
	})}
	s := serve(t, e, example())
	_, got, read, made, err := ask(t, s, "1", chatPath, `{"messages":[]}`)
	const want = `{"choices":[{"finish_reason":"tool_calls","index":0,"logprobs":null,"message":{"content":"It is","reasoning_content":"hm","role":"assistant",` +
		`"tool_calls":[{"function":{"arguments":"{}","name":"f"},"id":"a","type":"function"},{"function":{"arguments":"[]","name":"g"},"id":"b","type":"function"}]}}],` +
		`"object":"chat.completion","usage":{"prompt_tokens":4,"completion_tokens":7,"total_tokens":11}}`
	if err != nil || got != want || read != 4 || made != 7 {
		t.Errorf("%d and %d, %v:\n%s, want\n%s", read, made, err, got, want)
	}
	if made := e.asked[0]["max_tokens"]; made != float64(256) {
		t.Errorf("it is asked for %v tokens", made)
	}
}

// TestOnlyKnownFields: what would have a server do other things than answer is refused, and
// what it does not say is the API's.
func TestOnlyKnownFields(t *testing.T) {
	e := &scripted{Handler: llama(func(w http.ResponseWriter, _ map[string]any) { says(w, finish(1, 0, 1), "[DONE]") })}
	s := serve(t, e, example())
	for _, field := range []string{"id_slot", "cache_prompt", "grammar", "lora", "n_probs", "timings_per_token", "cache_salt", "return_token_ids", "slot_save", "t_max_predict_ms"} {
		if status, got, _, _, err := ask(t, s, "1", completePath, `{"prompt":"x","`+field+`":1}`); err != nil || status != 400 || !strings.Contains(got, field) {
			t.Errorf("%s: %d %s, %v", field, status, got, err)
		}
	}
	for _, body := range []string{"", "[]", `{"prompt":["a","b"]}`, `{"prompt":"x","n":2}`, `{"prompt":"x","max_tokens":0}`, `{"prompt":"x","max_tokens":-1}`,
		`{"prompt":"x","stop":[` + strings.Repeat(`"x",`, 16) + `"x"]}`, `{"prompt":"x","stream":"yes"}`} {
		if status, got, _, _, err := ask(t, s, "1", completePath, body); err != nil || status != 400 {
			t.Errorf("%s: %d %s, %v", body, status, got, err)
		}
	}
	if len(e.asked) > 0 {
		t.Fatalf("the server was asked %v", e.asked)
	}
	if _, _, _, _, err := ask(t, s, "1", completePath, `{"model":"other","prompt":"x","max_tokens":999,"top_p":0.5,"user":"me","stop":null}`); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(e.asked[0])
	const want = `{"cache_prompt":false,"id_slot":0,"max_tokens":256,"min_p":0,"model":"m","prompt":"x","stream":true,"stream_options":{"include_usage":true},"temperature":1,"timings_per_token":true,"top_k":0,"top_p":0.5}`
	if err != nil || string(got) != want {
		t.Errorf("it is asked\n%s, want\n%s, %v", got, want, err)
	}
}

// TestSlots: a place that another session had is asked to forget, one's own is not; who has
// fewer places comes first.
func TestSlots(t *testing.T) {
	s := newSlots(2)
	take := func(owner string) grant {
		t.Helper()
		g, err := s.take(t.Context(), owner)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	a := take("a")
	b := take("b")
	if !a.fresh || !b.fresh || a.slot == b.slot {
		t.Fatalf("%+v %+v", a, b)
	}
	s.give(a)
	s.give(b)
	if again := take("b"); again.slot != b.slot || again.fresh {
		t.Errorf("b had %+v and gets %+v", b, again)
	}
	if c := take("c"); c.slot != a.slot || !c.fresh {
		t.Errorf("c gets %+v", c)
	}
	order := make(chan string, 4)
	var work sync.WaitGroup
	for i, owner := range []string{"c", "c", "d"} {
		work.Go(func() {
			g := take(owner)
			order <- owner
			s.give(g)
		})
		for waiting := 0; waiting <= i; { // in this order
			s.mu.Lock()
			waiting = len(s.waiting)
			s.mu.Unlock()
		}
	}
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.take(late, "e"); err == nil {
		t.Error("one that has gone gets a place")
	}
	s.give(b)
	work.Wait()
	if first := <-order; first != "d" {
		t.Errorf("%s comes first, who has a place", first)
	}
}

// TestHeld: what is made while an answer is held waits and costs nothing, and one that is held
// for too long is given up.
func TestHeld(t *testing.T) {
	written := make(chan struct{}, 2)
	e := &scripted{Handler: llama(func(w http.ResponseWriter, _ map[string]any) {
		says(w, word("hel", 9, 1), word("lo", 9, 2), finish(9, 0, 2), "[DONE]")
		written <- struct{}{}
	})}
	s := serve(t, e, example())
	a, err := s.Ask(t.Context(), "POST", completePath, "1", []byte(hello))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Head(); err != nil {
		t.Fatal(err)
	}
	a.Hold(true)
	<-written
	got := make(chan string)
	go func() {
		raw, err := io.ReadAll(a)
		got <- fmt.Sprint(string(raw), err)
	}()
	select {
	case early := <-got:
		t.Errorf("a held answer has %s", early)
	case <-time.After(50 * time.Millisecond): // it may only be later than this
	}
	if read, made := a.Cost(); read+made != 0 {
		t.Errorf("held, it costs %d and %d", read, made)
	}
	a.Hold(false)
	if all := <-got; !strings.HasSuffix(all, "[DONE]\n\n<nil>") {
		t.Errorf("it goes on with %s", all)
	}
	if read, made := a.Cost(); read != 9 || made != 2 {
		t.Errorf("it costs %d and %d", read, made)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	s.patience = time.Millisecond
	if a, err = s.Ask(t.Context(), "POST", completePath, "1", []byte(hello)); err != nil {
		t.Fatal(err)
	}
	a.Hold(true)
	if _, _, err := a.Head(); !errors.Is(err, errHeld) {
		t.Errorf("held for too long it ends with %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestLyingServer: no server bills more than was asked for, and what it sends out of form breaks
// the answer off.
func TestLyingServer(t *testing.T) {
	var script []string
	e := &scripted{Handler: llama(func(w http.ResponseWriter, _ map[string]any) { says(w, script...) })}
	s := serve(t, e, example())
	script = []string{word("x", 1<<40, 1<<40), finish(1<<40, 0, 1<<40), "[DONE]"}
	if _, _, read, made, err := ask(t, s, "1", completePath, hello); err != nil || read != 256 || made != 5 {
		t.Errorf("a server that lies bills %d and %d, %v", read, made, err)
	}
	for what, said := range map[string][]string{
		"nothing":          nil,
		"cut off":          {word("x", 1, 1)},
		"no JSON":          {"x"},
		"two answers":      {`{"choices":[{"text":"a"},{"text":"b"}]}`},
		"too long":         {word(strings.Repeat("x", maxEvent), 1, 1), "[DONE]"},
		"counts of text":   {`{"choices":[],"usage":{"prompt_tokens":"many"}}`, "[DONE]"},
		"negative counts":  {`{"choices":[],"timings":{"prompt_n":-1}}`, "[DONE]"},
		"without its time": {`null`},
	} {
		script = said
		if _, got, read, made, err := ask(t, s, "1", completePath, hello); err == nil || read > 1 || made > 1 || strings.Contains(got, "DONE") {
			t.Errorf("%s: %.100q, %d and %d, %v", what, got, read, made, err)
		}
	}
	script = []string{`{"error":{"message":"out of memory"}}`}
	if _, _, _, _, err := ask(t, s, "1", completePath, `{"prompt":"x"}`); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("a whole answer that broke off: %v", err)
	}
}

// TestRefusalsPass: what a server finds wrong is told in the API's form.
func TestRefusalsPass(t *testing.T) {
	e := &scripted{Handler: llama(func(w http.ResponseWriter, _ map[string]any) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":{"code":400,"message":"the prompt is too long","type":"exceed_context_size_error","n_ctx":256},"path":"/secret"}`)
	})}
	s := serve(t, e, example())
	status, got, read, made, err := ask(t, s, "1", chatPath, `{"messages":[],"stream":true}`)
	if err != nil || status != 400 || read+made != 0 || got != `{"error":{"code":null,"message":"the prompt is too long","param":null,"type":"invalid_request_error"}}` {
		t.Errorf("%d %s, %d, %v", status, got, read+made, err)
	}
}

// TestDies: a server that ends while it answers ends the answer, and says why it ended.
func TestDies(t *testing.T) {
	e := &scripted{said: strings.Repeat("log ", 4000) + "\x1b[31mCUDA error\n"}
	e.Handler = llama(func(w http.ResponseWriter, _ map[string]any) {
		says(w, word("x", 1, 1))
		e.Stop()
	})
	s := serve(t, e, example())
	_, got, _, made, err := ask(t, s, "1", completePath, hello)
	if err == nil || made > 1 || strings.Contains(got, "DONE") {
		t.Errorf("%q, %d, %v", got, made, err)
	}
	<-s.Ended()
	if err := s.Err(); !strings.Contains(err.Error(), "exit code 3") || !strings.HasSuffix(err.Error(), "CUDA error") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("it ends with %q", err)
	}
}

// TestNeverHealthy: a server that is not well in its time is ended.
func TestNeverHealthy(t *testing.T) {
	p := example()
	p.Seconds = 1
	e := &scripted{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })}
	_, err := Serve(t.Context(), e, Spec{Pack: p, Weights: "/in/model.gguf", Name: "m", Context: 300})
	if err == nil || !strings.Contains(err.Error(), "not well after 1s") {
		t.Errorf("it is served: %v", err)
	}
	select {
	case <-e.ended:
	default:
		t.Error("its sandbox still runs")
	}
}

// TestLeaves: a requester that goes frees its place, waiting or served.
func TestLeaves(t *testing.T) {
	begun := make(chan struct{}, 4)
	e := &scripted{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			llama(nil).ServeHTTP(w, r)
			return
		}
		says(w, word("x", 1, 1))
		begun <- struct{}{}
		<-r.Context().Done()
	})}
	p := example()
	p.AtOnce = 1
	s := serve(t, e, p)
	var all []*Answer
	for range 3 {
		a, err := s.Ask(t.Context(), "POST", completePath, "1", []byte(hello))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	if _, _, err := all[0].Head(); err != nil {
		t.Fatal(err)
	}
	<-begun
	var waits sync.WaitGroup
	waits.Go(func() {
		if _, _, err := all[1].Head(); err == nil {
			t.Error("it has a place that is taken")
		}
	})
	if err := all[1].Close(); err != nil {
		t.Error(err)
	}
	waits.Wait()
	if err := all[0].Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := all[2].Head(); err != nil {
		t.Error(err)
	}
	if err := all[2].Close(); err != nil {
		t.Error(err)
	}
}

// TestVLLM: a server of that kind is asked to salt what it keeps of prompts by session, and
// counts with each event.
func TestVLLM(t *testing.T) {
	e := &scripted{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/health":
		case "/v1/models":
			fmt.Fprint(w, `{"data":[{"id":"m","max_model_len":128}]}`)
		default:
			says(w, `{"choices":[{"index":0,"text":"a","finish_reason":null}],"usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11}}`,
				`{"choices":[{"index":0,"text":"b","finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":4,"total_tokens":12}}`,
				`{"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":4,"total_tokens":12}}`, "[DONE]")
		}
	})}
	p := example()
	p.Server = protocol.ServerVLLM
	s := serve(t, e, p)
	_, got, read, made, err := ask(t, s, "7", completePath, hello)
	if err != nil || read != 8 || made != 4 || strings.Count(got, "usage") != 1 {
		t.Errorf("%s, %d and %d, %v", got, read, made, err)
	}
	body := e.asked[0]
	if _, slot := body["id_slot"]; slot || body["cache_salt"] != "owner 7" || s.context != 128 {
		t.Errorf("it is asked %v, its context is %d", body, s.context)
	}
}

// TestBurst: tokens that come at once are handed on by the handful, so that the meter sees each.
func TestBurst(t *testing.T) {
	var events []string
	for i := range 100 {
		events = append(events, word("x", 1, i+1))
	}
	events = append(events, finish(1, 0, 100), "[DONE]")
	e := &scripted{Handler: llama(func(w http.ResponseWriter, _ map[string]any) { says(w, events...) })}
	s := serve(t, e, example())
	a, err := s.Ask(t.Context(), "POST", completePath, "1", []byte(`{"prompt":"x","max_tokens":100,"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	began := time.Now()
	if _, _, err := a.Head(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(a); err != nil {
		t.Fatal(err)
	}
	if least := 100 / handful * breath; time.Since(began) < least {
		t.Errorf("100 tokens are handed on in %v, at least %v it must take", time.Since(began), least)
	}
	if !slices.Contains(e.spec.Args, "600") {
		t.Errorf("it runs %q", e.spec.Args)
	}
}

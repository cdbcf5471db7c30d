package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// wrong is what the tests read of an error.
type wrong struct {
	Error struct {
		Message, Type string
		Param, Code   *string
	}
}

func TestErrorsNameTheParameter(t *testing.T) {
	c := begin(t, nil)
	chat := func(more string) string {
		return `{"model":"jargon","messages":[{"role":"user","content":"x"}]` + more + `}`
	}
	for _, w := range []struct {
		path, body   string
		status       int
		param, words string
	}{
		{"/v1/chat/completions", `nonsense`, 400, "", "not a JSON object"},
		{"/v1/chat/completions", `{"messages":[]}`, 400, "model", "must provide a model"},
		{"/v1/chat/completions", `{"model":"gpt-4","messages":[]}`, 404, "model", `"jargon" is`},
		{"/v1/chat/completions", `{"model":"jargon"}`, 400, "messages", "no messages"},
		{"/v1/chat/completions", `{"model":"jargon","messages":[{"role":"tool","content":"x"}]}`, 400, "messages", `role "tool"`},
		{"/v1/chat/completions", `{"model":"jargon","messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, 400, "messages[0].content", "text only"},
		{"/v1/chat/completions", chat(`,"temperature":3`), 400, "temperature", "outside 0 to 2"},
		{"/v1/chat/completions", chat(`,"temperature":"hot"`), 400, "temperature", "cannot unmarshal"},
		{"/v1/chat/completions", chat(`,"top_p":-1`), 400, "top_p", "outside 0 to 1"},
		{"/v1/chat/completions", chat(`,"n":99`), 400, "n", "outside 1 to 8"},
		{"/v1/chat/completions", chat(`,"max_tokens":0`), 400, "max_tokens", "less than 1"},
		{"/v1/chat/completions", chat(`,"stop":["","x"]`), 400, "stop", "0 bytes"},
		{"/v1/chat/completions", chat(`,"top_logprobs":2`), 400, "top_logprobs", "needs logprobs"},
		{"/v1/chat/completions", chat(`,"tools":[{}]`), 400, "tools", "not supported"},
		{"/v1/chat/completions", chat(`,"response_format":{"type":"json_object"}`), 400, "response_format", "not supported"},
		{"/v1/chat/completions", chat(`,"logit_bias":{"1":2}`), 400, "logit_bias", "not supported"},
		{"/v1/chat/completions", chat(`,"frobnicate":1`), 400, "frobnicate", "Unrecognized request argument"},
		{"/v1/chat/completions", fmt.Sprintf(`{"model":"jargon","messages":[{"role":"user","content":%q}]}`, strings.Repeat("hack ", 300)), 400, "messages", "the context is 256; shorten the prompt"},
		{"/v1/completions", fmt.Sprintf(`{"model":"jargon","prompt":%q}`, strings.Repeat("hack ", 1<<20)), 400, "prompt", "the text has more than"},
		{"/v1/completions", `{"model":"jargon"}`, 400, "prompt", "missing"},
		{"/v1/completions", `{"model":"jargon","prompt":[99999]}`, 400, "prompt", "outside the vocabulary"},
		{"/v1/completions", `{"model":"jargon","prompt":{}}`, 400, "prompt", "cannot unmarshal"},
		{"/v1/completions", `{"model":"jargon","prompt":"x","best_of":3}`, 400, "best_of", "not supported"},
		{"/v1/completions", fmt.Sprintf(`{"model":"jargon","prompt":["x"%s],"max_tokens":250,"logprobs":20}`, strings.Repeat(`,"x"`, 59)), 400, "logprobs", "the limit is 262144"},
		{"/v1/embeddings", `{"model":"jargon","input":""}`, 200, "", ""},
		{"/v1/embeddings", `{"model":"jargon","input":[[]]}`, 400, "input", "empty"},
		{"/v1/embeddings", `{"model":"jargon","input":"x","dimensions":7}`, 400, "dimensions", "this model has 256"},
		{"/v1/unknown", `{}`, 404, "", "not served here"},
	} {
		status, raw := c.post(w.path, w.body)
		var e wrong
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatalf("%s %.60s answers %s", w.path, w.body, raw)
		}
		param := ""
		if e.Error.Param != nil {
			param = *e.Error.Param
		}
		if status != w.status || param != w.param || !strings.Contains(e.Error.Message, w.words) {
			t.Errorf("%s %.80s answers %d %s, want %d about %q with %q", w.path, w.body, status, raw, w.status, w.param, w.words)
		}
	}
	status, _ := c.post("/v1/completions", `{"model":"jargon","prompt":"`+strings.Repeat("x", maxBody)+`"}`)
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body beyond the limit answers %d", status)
	}
}

func TestModelsAndHealth(t *testing.T) {
	c := begin(t, func(c *Config) { c.Name = "tiny/one" })
	for path, want := range map[string]string{
		"/health": `{"status":"ok"}`, "/v1/models": `"id":"tiny/one"`, "/v1/models/tiny/one": `"context_length":256`,
		"/v1/models/none": `"code":"model_not_found"`,
	} {
		r, err := c.http.Get(c.base + path)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(r.Body).ReadString('\n')
		r.Body.Close()
		if err != nil || !strings.Contains(line, want) {
			t.Errorf("%s answers %q, %v, want %q", path, line, err, want)
		}
	}
}

// long asks for a text that takes a while.
const long = `{"model":"jargon","prompt":"x","temperature":2,"stream":true,"max_tokens":250,"seed":%d}`

// open begins a stream and waits for its first event.
func (c *client) open(ctx context.Context, seed int) *http.Response {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/completions", strings.NewReader(fmt.Sprintf(long, seed)))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	if response.StatusCode == http.StatusOK {
		if _, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil {
			c.t.Fatal(err)
		}
	}
	return response
}

// TestADisconnectFreesTheSlot takes the only slot and the whole queue, and leaves:
// what waited is served, and what comes too early is told to come back.
func TestADisconnectFreesTheSlot(t *testing.T) {
	c := begin(t, func(c *Config) { c.MaxBatch, c.Queue, c.Context = 1, 1, 256 })
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	first := c.open(ctx, 1)
	defer first.Body.Close()
	leave()
	deadline := time.Now().Add(20 * time.Second)
	for {
		status, _ := c.post("/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":2}`)
		if status == http.StatusOK {
			return
		}
		if status != http.StatusTooManyRequests || time.Now().After(deadline) {
			t.Fatalf("after a client has left, the next one gets %d", status)
		}
	}
}

func TestTooManyTextsAreRefused(t *testing.T) {
	c := begin(t, func(c *Config) { c.MaxBatch, c.Queue = 1, 1 })
	status, raw := c.post("/v1/completions", `{"model":"jargon","prompt":["a","b","c"],"max_tokens":2}`)
	var e wrong
	if err := json.Unmarshal(raw, &e); err != nil || status != http.StatusBadRequest || !strings.Contains(e.Error.Message, "takes 2 at once") {
		t.Errorf("three texts for one slot and a queue of one answer %d %s", status, raw)
	}
}

// TestAFullServerSaysSo fills the places for requests and asks for one more.
func TestAFullServerSaysSo(t *testing.T) {
	s := server{open: make(chan struct{}, 1)}
	s.open <- struct{}{}
	w := httptest.NewRecorder()
	s.bounded(s.chat)(w, httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil))
	var e wrong
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != http.StatusTooManyRequests || e.Error.Type != "rate_limit_error" || w.Header().Get("Retry-After") == "" {
		t.Errorf("a full server answers %d %s", w.Code, w.Body)
	}
}

// TestShutdownEndsStreams stops the server while a stream is open, and leaves it no
// time: the stream ends with an error in the API's form.
func TestShutdownEndsStreams(t *testing.T) {
	c := begin(t, func(c *Config) { c.Drain = time.Nanosecond })
	r := c.open(t.Context(), 2)
	defer r.Body.Close()
	stopped := make(chan error, 1)
	go func() { stopped <- c.stop() }()
	var last string
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		if lines.Text() != "" {
			last = lines.Text()
		}
	}
	if err := <-stopped; err != nil {
		t.Errorf("the server ends with %v", err)
	}
	if !strings.Contains(last, `"code":"stopping"`) && last != "data: [DONE]" {
		t.Errorf("the stream ends with %q", last)
	}
}

func TestWrongConfigurations(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"open the model":       func(c *Config) { c.Model = "nowhere.gguf" },
		"1 to 256 are allowed": func(c *Config) { c.Threads = -1 },
		"1 to 128 are allowed": func(c *Config) { c.MaxBatch = 1000 },
		"do not fit the model": func(c *Config) { c.Context = 9999 },
		"the limit is 1000":    func(c *Config) { c.MaxCache = 1000 },
		"is not fd:N":          func(c *Config) { c.Listen = "fd:x" },
	} {
		c := Config{Model: modelFile(t), Listen: "127.0.0.1:0", Threads: 1}
		change(&c)
		if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

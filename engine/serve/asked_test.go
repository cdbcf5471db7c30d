package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rerig/rerig/engine/ask"
)

// asker asks a server over package ask.
type asker struct {
	t       *testing.T
	address string
}

func beginAsked(t *testing.T, change func(*Config)) *asker {
	t.Helper()
	c := begin(t, func(c *Config) {
		c.Asked = true
		if change != nil {
			change(c)
		}
	})
	return &asker{t, strings.TrimPrefix(c.base, "http://")}
}

func (a *asker) send(owner, path, body string) *ask.Answer {
	a.t.Helper()
	conn, err := net.Dial("tcp", a.address)
	if err != nil {
		a.t.Fatal(err)
	}
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	answer, err := ask.Send(conn, ask.Request{Method: method, Path: path, Owner: owner, Body: []byte(body)})
	if err != nil {
		a.t.Fatal(err)
	}
	return answer
}

// whole reads an answer to its end.
func (a *asker) whole(answer *ask.Answer) (status int, body []byte) {
	a.t.Helper()
	defer answer.Close()
	head, err := answer.Head()
	if err != nil {
		a.t.Fatal(err)
	}
	if body, err = io.ReadAll(answer); err != nil {
		a.t.Fatal(err)
	}
	return head.Status, body
}

// usageOf finds the usage in an answer, or in the last event of a stream that has one.
func usageOf(t *testing.T, body []byte) (read, made uint64) {
	t.Helper()
	for line := range bytes.Lines(body) {
		if line = bytes.TrimPrefix(line, []byte("data: ")); !bytes.Contains(line, []byte(`"usage":{`)) {
			continue
		}
		var v struct{ Usage usage }
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		return uint64(v.Usage.Prompt - v.Usage.Details.Cached), uint64(v.Usage.Completion)
	}
	t.Fatalf("no usage in %s", body)
	return 0, 0
}

// TestCostIsUsage: what a sender is told on the way comes to what the answer says at its end,
// of every kind of request, new and again.
func TestCostIsUsage(t *testing.T) {
	a := beginAsked(t, nil)
	for _, c := range []struct{ path, body string }{
		{"/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":9}`},
		{"/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":9,"n":3}`},
		{"/v1/completions", `{"model":"jargon","prompt":["foo bar","The Unix DEC was"],"max_tokens":7}`},
		{"/v1/completions", `{"model":"jargon","prompt":"kluge: ","max_tokens":40,"stop":"a","stream":true,"stream_options":{"include_usage":true}}`},
		{"/v1/chat/completions", `{"model":"jargon","messages":[{"role":"user","content":"What is a kluge?"}],"max_tokens":12,"stream":true,"stream_options":{"include_usage":true}}`},
		{"/v1/chat/completions", `{"model":"jargon","messages":[{"role":"user","content":"What is a kluge?"}],"max_tokens":12}`},
		{"/v1/embeddings", `{"model":"jargon","input":["A hacker is","one that hacks"]}`},
	} {
		for _, about := range []string{"new", "again"} {
			answer := a.send("one", c.path, c.body)
			status, body := a.whole(answer)
			if status != http.StatusOK {
				t.Fatalf("%s answers %d %s", c.body, status, body)
			}
			wantRead, wantMade := usageOf(t, body)
			if read, made := answer.Cost(); read != wantRead || made != wantMade || read == 0 {
				t.Errorf("%s, %s: told of %d read and %d made, usage says %d and %d", c.body, about, read, made, wantRead, wantMade)
			}
		}
	}
}

// TestAnotherOwnersPromptIsReadAgain: nobody can tell by what he pays what others asked.
func TestAnotherOwnersPromptIsReadAgain(t *testing.T) {
	a := beginAsked(t, nil)
	body := `{"model":"jargon","prompt":"The secret word of the day is quux","max_tokens":4}`
	first := a.send("one", "/v1/completions", body)
	a.whole(first)
	other := a.send("two", "/v1/completions", body)
	a.whole(other)
	again := a.send("one", "/v1/completions", body)
	a.whole(again)
	fresh, _ := first.Cost()
	if read, _ := other.Cost(); read != fresh {
		t.Errorf("another owner's prompt costs %d tokens, new %d", read, fresh)
	}
	if read, _ := again.Cost(); read != 1 {
		t.Errorf("an own prompt again costs %d tokens, want the last alone", read)
	}
}

// TestHeldAnswerWaits: an answer that is held makes no more, and goes on where it was.
func TestHeldAnswerWaits(t *testing.T) {
	a := beginAsked(t, nil)
	body := `{"model":"jargon","prompt":"A hacker is","max_tokens":200,"temperature":0,"stream":true}`
	_, want := a.whole(a.send("one", "/v1/completions", body))
	answer := a.send("two", "/v1/completions", body)
	answer.Hold(true)
	// What another asks meanwhile is answered; when that is over the first is held for long.
	for range 3 {
		a.whole(a.send("three", "/v1/completions", `{"model":"jargon","prompt":"kluge","max_tokens":20}`))
	}
	_, before := answer.Cost()
	a.whole(a.send("three", "/v1/completions", `{"model":"jargon","prompt":"kluge","max_tokens":20}`))
	if _, made := answer.Cost(); made != before {
		t.Errorf("a held answer has %d tokens, then %d", before, made)
	}
	answer.Hold(false)
	_, got := a.whole(answer)
	if texts(t, got) != texts(t, want) {
		t.Errorf("held on the way it says %q, else %q", texts(t, got), texts(t, want))
	}
}

// texts joins the texts of a stream.
func texts(t *testing.T, body []byte) (all string) {
	t.Helper()
	for line := range bytes.Lines(body) {
		data, ok := bytes.CutPrefix(line, []byte("data: {"))
		if !ok {
			continue
		}
		var v completeReply
		if err := json.Unmarshal(append([]byte("{"), data...), &v); err != nil {
			t.Fatal(err)
		}
		for _, c := range v.Choices {
			all += c.Text
		}
	}
	return all
}

// TestGivenUpAnswerStops: who closes pays for what was made, and the model is free.
func TestGivenUpAnswerStops(t *testing.T) {
	a := beginAsked(t, func(c *Config) { c.MaxBatch, c.Queue = 1, 1 })
	for range 20 { // one slot and one place in the queue: what was given up must free them
		answer := a.send("one", "/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":200,"stream":true}`)
		for status := 0; status != http.StatusOK; {
			head, err := answer.Head()
			if err != nil {
				t.Fatal(err)
			}
			if status = head.Status; status == http.StatusTooManyRequests { // the last one is just leaving
				answer.Close()
				answer = a.send("one", "/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":200,"stream":true}`)
			}
		}
		if _, err := answer.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if err := answer.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := answer.Read(make([]byte, 1<<20)); err == nil { // what had come
			_, err = answer.Read(make([]byte, 1))
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) { // the model may have been faster
				t.Errorf("a given up answer ends with %v", err)
			}
		}
	}
}

// TestServerRefusesWhatIsNoRequest: rubbish ends its own connection and no other.
func TestServerRefusesWhatIsNoRequest(t *testing.T) {
	a := beginAsked(t, nil)
	for _, rubbish := range []string{"GET / HTTP/1.1\r\n\r\n", "Q\xff\xff\xff\xff", "Q\x00\x00\x00\x02[]", "B\x00\x00\x00\x00", "Q\x00\x00\x00\x0c{\"length\":9}B\x00\x00\x00\x01x"} {
		conn, err := net.Dial("tcp", a.address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(rubbish)); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); len(got) > 0 && err == nil {
			t.Errorf("%q is answered with %q", rubbish, got)
		}
		conn.Close()
	}
	if status, body := a.whole(a.send("one", "/health", "")); status != http.StatusOK {
		t.Errorf("health: %d %s", status, body)
	}
	if status, _ := a.whole(a.send("one", "/v2", "")); status != http.StatusNotFound {
		t.Errorf("an unknown path: %d", status)
	}
}

// TestLongContextFillsItsMemory: a server that is to hold long texts takes as long ones as its
// memory has room for, and no longer ones than the model.
func TestLongContextFillsItsMemory(t *testing.T) {
	context := func(cache int64) (tokens int) {
		a := beginAsked(t, func(c *Config) { c.Long, c.MaxCache = true, cache })
		var v struct {
			Data []struct {
				Context int `json:"context_length"`
			}
		}
		if _, body := a.whole(a.send("one", "/v1/models", "")); json.Unmarshal(body, &v) != nil || len(v.Data) != 1 {
			t.Fatalf("the models are %s", body)
		}
		return v.Data[0].Context
	}
	if got := context(1 << 30); got != 256 {
		t.Errorf("with much memory texts may have %d tokens, the model's are 256", got)
	}
	if got := context(1 << 20); got < 1 || got >= 256 {
		t.Errorf("with a MiB texts may have %d tokens, want some and fewer than 256", got)
	}
}

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
)

// continuing answers like a model server that goes on with others' answers.
func continuing(answer http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"object":"list","data":[{"id":"jargon","object":"model","continues_tokens":true}]}`)
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		answer(w, r)
	})
	return mux
}

// endless streams the same choice until nobody reads it; ended gets a value then.
func endless(choice func(i int) string) (h http.Handler, ended chan struct{}) {
	ended = make(chan struct{}, maxAttempts)
	return continuing(func(w http.ResponseWriter, _ *http.Request) {
		defer func() { ended <- struct{}{} }()
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,%s}]}\n\n", choice(i)); err != nil {
				return
			}
		}
	}), ended
}

// TestEndlessAnswers: a rig that says more than the tokens that were asked for can say is cut
// off, in whatever it hides it.
func TestEndlessAnswers(t *testing.T) {
	for what, choice := range map[string]func(int) string{
		"tokens without a text": func(int) string { return `"delta":{},"token_ids":[1,2,3]` },
		"names of fields":       func(i int) string { return fmt.Sprintf(`"delta":{"%01000d":1}`, i) },
		"texts":                 func(int) string { return `"delta":{"content":"` + strings.Repeat("a", 4000) + `"}` },
		"logprobs":              func(int) string { return `"delta":{},"logprobs":{"content":["` + strings.Repeat("a", 4000) + `"]}` },
	} {
		for _, stream := range []string{"", `,"stream":true`} {
			m := &fakeMarket{}
			h, ended := endless(choice)
			m.rig(t, 1, h)
			c := begin(t, m, nil)
			_, raw := c.post("/v1/chat/completions", `{`+chat+`,"max_tokens":4`+stream+`}`)
			if !strings.Contains(string(raw), "more than the 4 tokens") && !strings.Contains(string(raw), "failed lately") {
				t.Errorf("%s%s: %.300s", what, stream, raw)
			}
			<-ended
			c.stop()
		}
	}
}

// TestOddDeltas: nothing that a rig says of a message ends more than its own answer.
func TestOddDeltas(t *testing.T) {
	m := &fakeMarket{}
	m.rig(t, 1, scripted(func(w http.ResponseWriter, _ *http.Request) {
		says(w, `{"tool_calls":[{"index":{}},{"index":[]}]}`, `{"tool_calls":[{"index":{}},{"index":[]}],"content":"a"}`,
			`{"tool_calls":"text","content":{"a":1}}`, `{"content":"b","x":[[1]]}`, `{"x":[[2]]}`, `{}`)
	}))
	c := begin(t, m, nil)
	res, raw := c.post("/v1/chat/completions", `{`+chat+`}`)
	if res.StatusCode != http.StatusOK || !strings.Contains(string(raw), `"content":"b"`) || !strings.Contains(string(raw), `"x":[[1],[2]]`) {
		t.Errorf("%d %s", res.StatusCode, raw)
	}
}

// TestMergeIsLinear: a long answer is put together without copying all of it with each chunk.
func TestMergeIsLinear(t *testing.T) {
	const pieces = 20_000
	s := &wholeSink{choices: []*choice{{}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range pieces {
		p := piece{delta: []field{{"content", json.RawMessage(`"sixteen letters!"`)},
			{"tool_calls", json.RawMessage(`[{"index":0,"function":{"arguments":"sixteen letters!"}}]`)}}}
		if err := s.piece(&p); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 200<<20 {
		t.Errorf("%d MiB for an answer of %d KiB", got>>20, pieces*32>>10)
	}
	if said := s.choices[0].message["content"].(*growing); said.Len() != 16*pieces {
		t.Errorf("%d bytes of %d", said.Len(), 16*pieces)
	}
}

// TestRigIsReadAtItsPace: what a rig sends is counted when it comes, not when its client reads
// it, and only so much of it waits.
func TestRigIsReadAtItsPace(t *testing.T) {
	m := &fakeMarket{}
	rig := m.rig(t, 1, scripted(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Max int `json:"max_tokens"`
		}
		json.NewDecoder(r.Body).Decode(&q)
		for range q.Max {
			if _, err := fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", strings.Repeat("a", 500)); err != nil {
				return
			}
		}
		says(w, `{}`)
	}))
	rig.offer.Model.Context = 1 << 20
	c := begin(t, m, func(c *Config) { c.Budget = protocol.NewAmount(100_000_000) })
	try := func(most int) *attempt {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(fmt.Appendf(nil, `{%s,"max_tokens":%d}`, chat, most), &fields); err != nil {
			t.Fatal(err)
		}
		q, err := parse(chatForm, fields)
		if err != nil {
			t.Fatal(err)
		}
		a := c.g.try(t.Context(), q, rig.offer, nil)
		<-a.ended // and nobody takes its chunks
		return a
	}
	if a := try(1000); a.err != nil || a.counted != 1000 {
		t.Errorf("%d tokens came, %v", a.counted, a.err)
	}
	a := try(500_000)
	if !errors.Is(a.err, errSlow) || a.counted < 1000 || a.counted > maxBehind/500+10 {
		t.Errorf("of a client that never reads %d tokens wait, %v", a.counted, a.err)
	}
}

// TestSlowClient: a client that stops reading is cut off, and its rig with it; the session
// goes on.
func TestSlowClient(t *testing.T) {
	m := &fakeMarket{}
	stopped := make(chan struct{})
	var slow atomic.Bool
	rig := m.rig(t, 1, scripted(func(w http.ResponseWriter, _ *http.Request) {
		if !slow.Load() {
			says(w, `{"content":"hi"}`, `{}`)
			return
		}
		defer close(stopped)
		text := strings.Repeat("a", 900)
		for {
			if _, err := fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text); err != nil {
				return
			}
		}
	}))
	rig.offer.Model.Context = 1 << 20
	c := begin(t, m, func(c *Config) { c.Budget = protocol.NewAmount(100_000_000) })
	slow.Store(true)
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{` + chat + `,"stream":true,"max_tokens":1000000}`
	fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	<-stopped // though nothing of the answer was read
	slow.Store(false)
	if said, _, _, _ := c.stream("/v1/chat/completions", `{`+chat+`,"stream":true}`); said != "hi" {
		t.Errorf("the next one hears %q", said)
	}
	rest, err := io.ReadAll(conn) // now it reads
	if err == nil && !strings.Contains(string(rest), "client_too_slow") {
		t.Errorf("a slow client's stream ends with %.300s", rest[max(0, len(rest)-300):])
	}
	if len(rig.sessions) != 1 {
		t.Errorf("%d sessions", len(rig.sessions))
	}
}

// keyedGateway has one key with a budget, in base units, and returns what its bearer sends.
func keyedGateway(t *testing.T, m Market, budget uint64, change func(*Config)) (c *caller, auth []string) {
	t.Helper()
	path, secrets := keyed(t, Key{Name: "poor", Budget: protocol.NewAmount(budget)})
	keys, err := LoadKeys(path, tokens)
	if err != nil {
		t.Fatal(err)
	}
	c = begin(t, m, func(c *Config) {
		if c.Keys = keys; change != nil {
			change(c)
		}
	})
	return c, []string{"Authorization", "Bearer " + secrets["poor"]}
}

// TestLeavingCosts: a client that leaves before the first token pays what the rig may bill,
// from its key's budget.
func TestLeavingCosts(t *testing.T) {
	m := &fakeMarket{}
	asked := make(chan struct{}, 1)
	m.rig(t, 1, scripted(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	c, auth := keyedGateway(t, m, 100, nil)
	body := `{` + chat + `,"max_tokens":20}`
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/chat/completions", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(auth[0], auth[1])
		if res, err := c.web.Do(r); err == nil {
			res.Body.Close()
		}
	}()
	<-asked
	leave()
	<-left
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(c.log.String(), "the client left"); {
		if time.Now().After(end) {
			t.Fatal("the request does not end")
		}
		<-time.After(time.Millisecond)
	}
	if e := c.refuse("/v1/chat/completions", body, auth...); e.Status != http.StatusPaymentRequired || !strings.Contains(e.Message, "has spent 0.00005") {
		t.Errorf("%+v", e)
	}
	c.stop()
	again, err := openJournal(c.g.config.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.db.Close()
	if spent, err := again.spent(); err != nil || spent["poor"].IsZero() {
		t.Errorf("the journal has %v, %v", spent, err)
	}
}

// TestRetriesAreHeld: an answer goes on at another rig only where the key's budget has room
// for that too.
func TestRetriesAreHeld(t *testing.T) {
	for budget, want := range map[uint64]string{60: "insufficient_quota", 200: ""} {
		m := &fakeMarket{}
		say := func(finish string) http.Handler {
			return continuing(func(w http.ResponseWriter, _ *http.Request) {
				for i := range 3 {
					fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"text\":\"a\",\"token_ids\":[%d]}]}\n\n", i)
				}
				http.NewResponseController(w).Flush()
				if finish == "" {
					panic(http.ErrAbortHandler)
				}
				fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"finish_reason\":%q}]}\n\ndata: [DONE]\n\n", finish)
			})
		}
		m.rig(t, 1, say(""))
		m.rig(t, 2, say("stop"))
		c, auth := keyedGateway(t, m, budget, nil)
		_, raw := c.post("/v1/completions", `{`+prompt+`,"max_tokens":24,"stream":true}`, auth...) // 58 units at most
		if said, _, last := c.strict(raw); said == "" || want == "" && (last.Error != nil || said != "aaaaaa") || want != "" && (last.Error == nil || last.Error.code() != want) {
			t.Errorf("with a budget of %d: %s", budget, raw)
		}
		c.stop()
	}
}

// TestAlwaysBreaks: a rig whose answers always break off is left alone for longer each time,
// and gets nothing but what came and what it read.
func TestAlwaysBreaks(t *testing.T) {
	m, cut, _ := pair(t)
	bad := m.rigs[len(m.rigs)-1]
	bad.offer.Model.Tick = 10_000
	var ahead atomic.Int64 // seconds
	c := begin(t, m, func(c *Config) {
		c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) }
	})
	cut.events.Store(3)
	for i, want := range []int64{1, 2, 2, 3, 3, 3, 3, 4} { // 30 s, a minute and two
		said, _, _, _ := c.stream("/v1/completions", fmt.Sprintf(`{"model":"jargon","prompt":"%d A hacker is","temperature":0,"max_tokens":12,"stream":true}`, i))
		if said == "" || cut.asked.Load() != want {
			t.Errorf("after %d s it was asked %d times, want %d", ahead.Load(), cut.asked.Load(), want)
		}
		ahead.Add(31)
	}
	c.stop()
	for _, s := range bad.sessions {
		if s.delivered >= bad.offer.Model.Tick {
			t.Errorf("it may bill %d units for three tokens", s.delivered)
		}
	}
}

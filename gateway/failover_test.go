package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
)

// cutter passes requests on to a real model server and breaks its streams after so many
// events.
type cutter struct {
	to     *fakeRig
	events atomic.Int64
	times  atomic.Int64 // that it breaks; 0 is always
	asked  atomic.Int64
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		c.asked.Add(1)
	}
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: c.to.address})
	p.FlushInterval = -1
	p.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	whole := r.Method == http.MethodGet
	if !whole && c.times.Load() != 0 && c.times.Add(-1) == 0 {
		c.times.Store(-1)
	} else if c.times.Load() < 0 {
		whole = true
	}
	p.ServeHTTP(&cutWriter{ResponseWriter: w, left: c.events.Load(), get: whole}, r)
}

type cutWriter struct {
	http.ResponseWriter
	left int64
	get  bool
}

func (c *cutWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Write writes what is allowed of b, which may have several events, and breaks off.
func (c *cutWriter) Write(b []byte) (int, error) {
	for at := 0; !c.get; at += len("data: ") {
		next := bytes.Index(b[at:], []byte("data: "))
		if next < 0 {
			break
		}
		if at += next; c.left == 0 {
			c.ResponseWriter.Write(b[:at])
			http.NewResponseController(c.ResponseWriter).Flush()
			panic(http.ErrAbortHandler)
		}
		c.left--
	}
	return c.ResponseWriter.Write(b)
}

// pair is a rig whose streams break, cheaper than one whose do not.
func pair(t testing.TB) (*fakeMarket, *cutter, *fakeRig) {
	hidden := &fakeMarket{}
	m := &fakeMarket{}
	whole := m.real(t, 2)
	c := &cutter{to: hidden.real(t, 1)}
	bad := m.rig(t, 1, c)
	bad.offer.Model.PerMillion = protocol.NewAmount(500_000)
	return m, c, whole
}

// TestFailover: a rig that breaks off at any point of its answer is not noticed by whoever
// asked for what is the same everywhere; what arrived of each is charged.
func TestFailover(t *testing.T) {
	m, cut, whole := pair(t)
	c := begin(t, m, nil)
	for what, body := range map[string]string{
		"greedy": `{` + prompt + `,"max_tokens":24`,
		"seeded": `{"model":"jargon","prompt":"A hacker is","temperature":1.2,"seed":5,"max_tokens":24`,
		"chat":   `{` + chat + `,"max_tokens":24`,
	} {
		path := "/v1/completions"
		if what == "chat" {
			path = "/v1/chat/completions"
		}
		cut.events.Store(1 << 20)
		want, _, _, _ := c.stream(path, body+`,"stream":true}`)
		for _, events := range []int64{0, 1, 2, 9, 20} {
			cut.events.Store(events)
			c.g.rigs.forgive()
			asked := cut.asked.Load()
			said, finish, last, _ := c.stream(path, body+`,"stream":true,"stream_options":{"include_usage":true}}`)
			if said != want || finish == "" || last.Usage == nil || last.Usage.Completion != 24 || last.Bill.Rig != whole.offer.Rig.String() {
				t.Errorf("%s cut after %d events: %q, want %q, %s, %+v", what, events, said, want, finish, last)
			}
			if cut.asked.Load() != asked+1 {
				t.Errorf("%s: the rig that breaks was asked %d times", what, cut.asked.Load()-asked)
			}
		}
	}
}

// forgive forgets bans, and where conversations were.
func (r *rigs) forgive() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.sticky)
	for _, s := range r.known {
		s.banned, s.strikes = time.Time{}, 0
	}
}

// TestBrokenOff: an answer that nobody can continue ends with an error, and costs what
// arrived; where nothing was shown yet it is made anew.
func TestBrokenOff(t *testing.T) {
	m, cut, _ := pair(t)
	c := begin(t, m, nil)
	cut.events.Store(6)
	body := `{"model":"jargon","prompt":"A hacker is","temperature":1.2,"max_tokens":24`
	res, raw := c.post("/v1/completions", body+`,"stream":true}`)
	said, finish, last := c.strict(raw)
	if last.Error == nil || deref(last.Error.Code) != "rig_lost" || said == "" || finish != "" {
		t.Errorf("%q %q %+v", said, finish, last.Error)
	}
	if most := text(protocol.NewAmount(10)); res.Trailer.Get(headerCost) == "" || len(res.Trailer.Get(headerCost)) > len(most)+2 {
		t.Errorf("six tokens cost %q", res.Trailer.Get(headerCost))
	}
	c.g.rigs.forgive()
	var whole struct{ Choices []struct{ Text string } }
	res = c.ask("/v1/completions", body+`}`, &whole)
	if whole.Choices[0].Text == "" || res.Header.Get(headerRig) != (protocol.Address{2}).String() {
		t.Errorf("%+v of %s", whole, res.Header.Get(headerRig))
	}
}

// TestAloneAgain: where there is no other rig, one that broke off is asked again, once.
func TestAloneAgain(t *testing.T) {
	hidden, m := &fakeMarket{}, &fakeMarket{}
	cut := &cutter{to: hidden.real(t, 1)}
	m.rig(t, 1, cut)
	c := begin(t, m, nil)
	cut.events.Store(5)
	cut.times.Store(1)
	said, _, last, _ := c.stream("/v1/completions", `{`+prompt+`,"max_tokens":12,"stream":true,"stream_options":{"include_usage":true}}`)
	if said != spoken || last.Usage == nil || last.Usage.Completion != 12 {
		t.Errorf("%q %+v", said, last)
	}
	c.g.rigs.forgive()
	cut.times.Store(100)
	if _, raw := c.post("/v1/completions", `{`+prompt+`,"max_tokens":12,"stream":true}`); !strings.Contains(string(raw), "no rig could serve") {
		t.Errorf("%s", raw)
	}
	if n := cut.asked.Load(); n != 4 {
		t.Errorf("asked %d times for two requests", n)
	}
}

// TestBans: a rig that failed is left alone for a while, longer when it fails again.
func TestBans(t *testing.T) {
	now := time.Now()
	r := newRigs(func() time.Time { return now })
	o := Offer{Rig: protocol.Address{1}, Model: protocol.Served{CID: "c", PerMillion: usual}}
	for i, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		r.failed(o.key())
		now = now.Add(want - time.Second)
		why := &refusals{}
		if fit := r.order([]Offer{o}, "", why); len(fit) != 0 || !strings.Contains(why.reasons[0], "failed lately") {
			t.Errorf("failure %d: asked again too early", i+1)
		}
		now = now.Add(time.Second)
		if fit := r.order([]Offer{o}, "", &refusals{}); len(fit) != 1 {
			t.Errorf("failure %d: not asked again", i+1)
		}
	}
	r.first(o.key(), time.Millisecond, "") // which a rig that always breaks off has too
	r.failed(o.key())
	now = now.Add(firstBan)
	if fit := r.order([]Offer{o}, "", &refusals{}); len(fit) != 0 {
		t.Error("a first token forgives all")
	}
	now = now.Add(longestBan)
	r.succeeded(o.key())
	r.failed(o.key())
	now = now.Add(firstBan)
	if fit := r.order([]Offer{o}, "", &refusals{}); len(fit) != 1 {
		t.Error("a success did not count")
	}
}

// TestOrder: the cheapest rig is asked first, another one when it is busy, and a conversation
// stays where it was.
func TestOrder(t *testing.T) {
	now := time.Now()
	r := newRigs(func() time.Time { return now })
	offer := func(n byte, price uint64) Offer {
		return Offer{Rig: protocol.Address{n}, Model: protocol.Served{CID: "c", PerMillion: protocol.NewAmount(price)}}
	}
	cheap, same, dear := offer(1, 10), offer(2, 10), offer(3, 15)
	all := []Offer{dear, same, cheap}
	expect := func(what, conversation string, want ...Offer) {
		t.Helper()
		got := r.order(all, conversation, &refusals{})
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: place %d has rig %d", what, i, got[i].Rig[0])
			}
		}
	}
	expect("nobody is busy", "", cheap, same, dear)
	r.begin(cheap.key())
	expect("the first has a request", "", same, cheap, dear)
	for range sharedSlots {
		r.begin(cheap.key())
		r.begin(same.key())
	}
	expect("both cheap ones are loaded", "", dear)
	r.first(dear.key(), time.Millisecond, "talk")
	for range sharedSlots {
		r.end(cheap.key())
		r.end(same.key())
	}
	expect("a conversation stays", "talk", dear)
	now = now.Add(stickyFor)
	expect("until it is forgotten", "talk", same)
}

// scripted answers like a model server, with one text for all.
func scripted(answer http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"object":"list","data":[{"id":"jargon","object":"model"}]}`)
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // else the server does not see that the client leaves
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(w, r)
	})
	return mux
}

// says streams chunks of a chat.
func says(w http.ResponseWriter, deltas ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i, d := range deltas {
		finish := "null"
		if i == len(deltas)-1 {
			finish = `"stop"`
		}
		fmt.Fprintf(w, "data: {\"id\":\"\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", d, finish)
		http.NewResponseController(w).Flush()
	}
	io.WriteString(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n")
}

// TestHedge: where the first token takes longer than it usually does another rig is asked too,
// and the slow one is told to stop.
func TestHedge(t *testing.T) {
	m := &fakeMarket{}
	var slow atomic.Bool
	stopped := make(chan struct{})
	first := m.rig(t, 1, scripted(func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			<-r.Context().Done()
			close(stopped)
			return
		}
		says(w, `{"role":"assistant"}`, `{"content":"first"}`, `{}`)
	}))
	first.offer.Model.PerMillion = protocol.NewAmount(1)
	m.rig(t, 2, scripted(func(w http.ResponseWriter, _ *http.Request) { says(w, `{"content":"second"}`, `{}`) }))
	c := begin(t, m, nil)
	ask := func() string {
		said, _, _, _ := c.stream("/v1/chat/completions", `{`+chat+`,"stream":true}`)
		return said
	}
	for range enoughToGo {
		if said := ask(); said != "first" {
			t.Fatalf("the cheap one is there, and %q answers", said)
		}
	}
	slow.Store(true)
	if said := ask(); said != "second" {
		t.Errorf("the cheap one is slow, and %q answers", said)
	}
	<-stopped
}

// TestRefusals: what is in the way is told in the API's form, and why.
func TestRefusals(t *testing.T) {
	busy := scripted(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, `{"error":{"message":"full"}}`)
	})
	t.Run("busy", func(t *testing.T) {
		m := &fakeMarket{}
		m.rig(t, 1, busy)
		c := begin(t, m, nil)
		for range 2 { // the second time without asking
			res, raw := c.post("/v1/chat/completions", `{`+chat+`}`)
			if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "7" {
				t.Errorf("%d %v %s", res.StatusCode, res.Header, raw)
			}
		}
	})
	t.Run("no room for a connection", func(t *testing.T) {
		m := &fakeMarket{}
		held := make(chan struct{})
		m.rig(t, 1, scripted(func(_ http.ResponseWriter, r *http.Request) {
			close(held)
			<-r.Context().Done()
		})).full = true
		c := begin(t, m, nil)
		ctx, leave := context.WithCancel(context.Background())
		gone := make(chan struct{})
		go func() { // it takes the one connection
			defer close(gone)
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/chat/completions", strings.NewReader(`{`+chat+`}`))
			r.Header.Set("Content-Type", "application/json")
			if res, err := c.web.Do(r); err == nil {
				res.Body.Close()
			}
		}()
		<-held
		if e := c.refuse("/v1/chat/completions", `{`+chat+`}`); e.Status != http.StatusTooManyRequests {
			t.Errorf("%+v", e)
		}
		leave()
		<-gone
	})
	t.Run("reasons", func(t *testing.T) {
		m := &fakeMarket{}
		m.rig(t, 1, busy)
		m.rig(t, 2, scripted(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "out of memory", 500) }))
		m.add(3, "").refuses = errors.New("region: not mine")
		m.rig(t, 4, scripted(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "data: nonsense\n\n") }))
		m.rig(t, 5, scripted(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "data: {\"choices\":[{\"index\":9,\"delta\":{\"content\":\"x\"}}]}\n\n")
		}))
		c := begin(t, m, nil)
		e := c.refuse("/v1/chat/completions", `{`+chat+`}`)
		if e.Status != http.StatusServiceUnavailable || e.code() != "no_rig" {
			t.Errorf("%+v", e)
		}
		for _, why := range []string{"busy", "500", "region: not mine", "its stream: ", "out of place"} {
			if !strings.Contains(e.Message, why) {
				t.Errorf("no word of %q: %s", why, e.Message)
			}
		}
	})
	t.Run("the request's fault", func(t *testing.T) {
		m := &fakeMarket{}
		m.real(t, 1)
		c := begin(t, m, nil)
		for body, param := range map[string]string{
			`{` + prompt + `,"max_tokens":4000,"top_p":3}`:                    "top_p",
			`{"model":"jargon","prompt":"` + strings.Repeat("a ", 900) + `"}`: "prompt",
			`{` + prompt + `,"frobnicate":1}`:                                 "frobnicate",
			`{` + prompt + `,"n":0}`:                                          "n",
			`{` + prompt + `,"stream":"yes"}`:                                 "stream",
			`{` + prompt + `,"stream_options":{"include_usage":true}}`:        "stream_options",
			`{"model":"jargon"}`:                                              "prompt",
			`{"prompt":"a"}`:                                                  "model",
		} {
			if e := c.refuse("/v1/completions", body); e.Status != 400 || e.param() != param {
				t.Errorf("%.60s: %+v of %s", body, e, e.param())
			}
		}
		if e := c.refuse("/v1/chat/completions", `{`+chat+`,"tools":[{"type":"function","function":{"name":"f"}}]}`); e.Status != 400 || e.param() != "tools" {
			t.Errorf("tools that the engine does not know: %+v", e)
		}
		if e := c.refuse("/v1/completions", `{"model":"gpt-9","prompt":"a"}`); e.Status != 404 || e.code() != "model_not_found" || !strings.Contains(e.Message, "jargon") {
			t.Errorf("%+v", e)
		}
		if e := c.refuse("/v1/nothing", `{}`); e.Status != 404 {
			t.Errorf("%+v", e)
		}
		if e := c.refuse("/v1/completions", `{`+prompt+`,"prompt":1]`); e.Status != 400 {
			t.Errorf("%+v", e)
		}
	})
}

// TestClientLeaves: when nobody listens any more the rig stops, and is owed a tick at most
// beyond what came.
func TestClientLeaves(t *testing.T) {
	m := &fakeMarket{}
	stopped := make(chan struct{})
	rig := m.rig(t, 1, scripted(func(w http.ResponseWriter, r *http.Request) {
		defer close(stopped)
		for {
			if _, err := fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"); err != nil {
				return
			}
			http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Millisecond):
			}
		}
	}))
	rig.offer.Model.Context = 4096
	c := begin(t, m, nil)
	ctx, leave := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/chat/completions", strings.NewReader(`{`+chat+`,"stream":true}`))
	r.Header.Set("Content-Type", "application/json")
	res, err := c.web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	if _, err := res.Body.Read(buf); err != nil {
		t.Fatal(err)
	}
	leave()
	res.Body.Close()
	<-stopped
	c.stop()
	if !strings.Contains(c.log.String(), "the client left") {
		t.Error("the log does not tell it")
	}
	rig.sessions[0].mu.Lock()
	defer rig.sessions[0].mu.Unlock()
	if had := rig.sessions[0].delivered; had < rig.offer.Model.Tick || had > 4096 {
		t.Errorf("the rig may bill %d units", had)
	}
}

// TestTools: what engines that know tools say comes through as it is, streamed and whole.
func TestTools(t *testing.T) {
	m := &fakeMarket{}
	m.rig(t, 1, scripted(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, gone := range []string{"alice@example.org", `"metadata"`, `"store"`} {
			if strings.Contains(string(body), gone) {
				t.Errorf("a rig is told %s: %s", gone, body)
			}
		}
		if !strings.Contains(string(body), `"response_format":{"type":"json_object"}`) || !strings.Contains(string(body), `"tools":[`) {
			t.Errorf("a rig is not told of tools: %s", body)
		}
		says(w, `{"role":"assistant","content":null}`,
			`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]}`,
			`{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}`,
			`{"tool_calls":[{"index":0,"function":{"arguments":"\"Oslo\"}"}}]}`,
			`{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"clock","arguments":"{}"}}]}`, `{}`)
	}))
	c := begin(t, m, nil)
	body := `{` + chat + `,"user":"alice@example.org","metadata":{"a":"b"},"store":true,"response_format":{"type":"json_object"},
		"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}],"tool_choice":"auto"`
	var whole struct {
		Choices []struct {
			Message struct {
				Content *string
				Calls   []struct {
					ID, Type string
					Index    *int
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
		}
	}
	c.ask("/v1/chat/completions", body+`}`, &whole)
	calls := whole.Choices[0].Message.Calls
	if len(calls) != 2 || calls[0].ID != "call_1" || calls[0].Type != "function" || calls[0].Function.Name != "weather" ||
		calls[0].Function.Arguments != `{"city":"Oslo"}` || calls[0].Index != nil || whole.Choices[0].Message.Content != nil {
		t.Errorf("%+v", whole)
	}
	_, raw := c.post("/v1/chat/completions", body+`,"stream":true}`)
	if c.strict(raw); strings.Count(string(raw), `"tool_calls":[{"index":0`) != 3 {
		t.Errorf("%s", raw)
	}
}

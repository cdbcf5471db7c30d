package models

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/engine/ask"
	"github.com/rerig/rerig/engine/serve"
	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local loads models in this process, with the real engine and without a sandbox.
type local struct {
	mu      sync.Mutex
	started []string           // names, in order
	running map[string]*inside // by name
	refuse  map[string]error   // what Start says of a name
	silent  bool               // servers do not say how they are
}

func (l *local) Start(ctx context.Context, m Model) (Server, error) {
	l.mu.Lock()
	err := l.refuse[m.Name]
	l.started = append(l.started, m.Name)
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	s := &inside{of: l, stop: stop, ended: make(chan struct{})}
	ready := make(chan net.Addr, 1)
	go func() {
		defer close(s.ended)
		s.err = serve.Run(ctx, serve.Config{Model: m.Path, Name: m.Name, Listen: "127.0.0.1:0", Threads: 1, Asked: true,
			Queue: maxPerServer, Ready: func(a net.Addr) { ready <- a }})
	}()
	select {
	case a := <-ready:
		s.address = a.String()
	case <-s.ended:
		stop()
		return nil, s.err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running[m.Name] = s
	return s, nil
}

// inside is a server in this process.
type inside struct {
	of      *local
	address string
	stop    context.CancelFunc
	ended   chan struct{}
	err     error
}

func (s *inside) Ask(ctx context.Context, r Request) (Answer, error) {
	s.of.mu.Lock()
	silent := s.of.silent && r.Path == "/health"
	s.of.mu.Unlock()
	if silent {
		return nil, errors.New("no answer")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	a, err := ask.Send(conn, ask.Request{Method: r.Method, Path: r.Path, Owner: r.Owner, Body: r.Body})
	return answer{a}, err
}
func (s *inside) MemoryBytes() uint64    { return 1 << 20 }
func (s *inside) Ended() <-chan struct{} { return s.ended }
func (s *inside) Err() error             { return s.err }
func (s *inside) Stop()                  { s.stop(); <-s.ended }

type answer struct{ *ask.Answer }

func (a answer) Head() (int, string, error) {
	h, err := a.Answer.Head()
	return h.Status, h.ContentType, err
}

const mib = 1 << 20

// rig is a set that runs with the test. Each model takes 100 MiB.
type rig struct {
	*Set
	t      *testing.T
	engine *local
}

func newRig(t *testing.T, memoryMiB uint64, names ...string) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, jargon.GGUF(), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: &local{running: map[string]*inside{}, refuse: map[string]error{}}}
	cfg := Config{MemoryBytes: memoryMiB * mib, Engine: r.engine, Backoff: time.Millisecond, Health: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	for _, name := range names {
		cfg.Models = append(cfg.Models, Model{Served: protocol.Served{CID: "cid of " + name, Name: name, PerMillion: protocol.NewAmount(1), Tick: 64},
			Path: path, MemoryBytes: 100 * mib})
	}
	var err error
	if r.Set, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := r.Prove(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// client speaks to a session as its requester does.
type client struct {
	*Session
	t    *testing.T
	http *http.Client
}

func (r *rig) open(name string) *client {
	r.t.Helper()
	s, err := r.Open(context.Background(), "cid of "+name)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx, Port) }, MaxIdleConnsPerHost: 8}
	c := &client{s, r.t, &http.Client{Transport: transport}}
	r.t.Cleanup(func() {
		s.Stop()
		s.Wait()
		transport.CloseIdleConnections()
	})
	return c
}

func (c *client) post(ctx context.Context, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://model"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	return c.http.Do(req)
}

// say posts and reads the whole answer.
func (c *client) say(path, body string) (int, []byte) {
	c.t.Helper()
	resp, err := c.post(c.t.Context(), path, body)
	if err != nil {
		c.t.Error(err)
		return 0, nil
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Error(err)
	}
	return resp.StatusCode, got
}

func complete(model, prompt string, n int) string {
	return fmt.Sprintf(`{"model":%q,"prompt":%q,"max_tokens":%d,"temperature":0}`, model, prompt, n)
}

func stream(model, prompt string, n int) string {
	return fmt.Sprintf(`{"model":%q,"prompt":%q,"max_tokens":%d,"temperature":0,"stream":true,"stream_options":{"include_usage":true}}`, model, prompt, n)
}

// cost is what an answer's usage comes to.
func cost(t *testing.T, body []byte) uint64 {
	t.Helper()
	for line := range bytes.Lines(body) {
		if line = bytes.TrimPrefix(line, []byte("data: ")); !bytes.Contains(line, []byte(`"usage":{`)) {
			continue
		}
		var v struct {
			Usage struct {
				Prompt     uint64 `json:"prompt_tokens"`
				Completion uint64 `json:"completion_tokens"`
				Details    struct {
					Cached uint64 `json:"cached_tokens"`
				} `json:"prompt_tokens_details"`
			}
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		return protocol.TokenUnits(v.Usage.Prompt-v.Usage.Details.Cached, v.Usage.Completion)
	}
	t.Fatalf("no usage in %s", body)
	return 0
}

// until polls until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestUnitsAreUsage: a session is billed what its answers' usage comes to, another's nothing of
// it.
func TestUnitsAreUsage(t *testing.T) {
	r := newRig(t, 100, "jargon")
	one, two := r.open("jargon"), r.open("jargon")
	var want [2]uint64
	for range 2 {
		for _, q := range []struct{ path, body string }{
			{chatPath, `{"model":"jargon","messages":[{"role":"user","content":"What is a kluge?"}],"max_tokens":12,"temperature":0}`},
			{completePath, complete("jargon", "A hacker is", 10)},
			{completePath, stream("jargon", "A hacker is", 30)},
			{embedPath, `{"model":"jargon","input":["A hacker is","one that hacks"]}`},
		} {
			for i, c := range []*client{one, two} {
				status, body := c.say(q.path, q.body)
				if status != http.StatusOK {
					t.Fatalf("%s: %d %s", q.path, status, body)
				}
				want[i] += cost(t, body)
			}
		}
	}
	if want[0] != want[1] || want[0] == 0 {
		t.Errorf("the same requests cost %d units, and of another session %d", want[0], want[1])
	}
	for i, c := range []*client{one, two} {
		c.Stop()
		if got := c.Wait(); got != want[i] {
			t.Errorf("session %d is billed %d units, its usage is %d", i, got, want[i])
		}
	}
	if st := r.Status()[0]; st.Units != want[0]+want[1] || st.Sessions != 0 || st.Loads != 1 {
		t.Errorf("the rig has %+v, want %d units", st, want[0]+want[1])
	}
}

// TestLRU: with room for two of three models the one not asked for the longest time goes, but
// never one that answers, and first of all one that has no session.
func TestLRU(t *testing.T) {
	r := newRig(t, 200, "a", "b", "c")
	loaded := func() (names string) {
		for _, st := range r.Status() {
			if st.State == "loaded" {
				names += st.Name
			}
		}
		return names
	}
	if got := loaded(); got != "ab" { // proved last
		t.Fatalf("after the self-test %q are loaded", got)
	}
	b, c := r.open("b"), r.open("c")
	b.say(completePath, complete("b", "x", 2))
	c.say(completePath, complete("c", "x", 2))
	if got := loaded(); got != "bc" {
		t.Errorf("c came and %q are loaded, want bc: a was not asked and has no session", got)
	}
	a := r.open("a")
	a.say(completePath, complete("a", "x", 2))
	if got := loaded(); got != "ac" {
		t.Errorf("a came and %q are loaded, want ac: b was not asked for the longest time", got)
	}
	// While a answers, b takes the place of c, though c was asked later.
	resp, err := a.post(t.Context(), completePath, stream("a", "A hacker is", 200))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := a.Pause(); err != nil { // so that the answer cannot end meanwhile
		t.Fatal(err)
	}
	c.say(completePath, complete("c", "y", 2))
	if status, body := b.say(completePath, complete("b", "x", 2)); status != http.StatusOK || loaded() != "ab" {
		t.Errorf("b answers %d %s, and %q are loaded", status, body, loaded())
	}
	if err := a.Resume(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(got, []byte("[DONE]")) {
		t.Errorf("the answer that was under way ends with %.100s, %v", got, err)
	}
	if st := r.Status()[1]; st.Swaps == 0 || st.Loads < 2 {
		t.Errorf("b was swapped: %+v", st)
	}
}

// TestPauseHolds: a session that is paused makes nothing, asks nothing new, and goes on where it
// was; another does not notice.
func TestPauseHolds(t *testing.T) {
	r := newRig(t, 100, "jargon")
	one, two := r.open("jargon"), r.open("jargon")
	_, want := two.say(completePath, stream("jargon", "A hacker is", 200))
	resp, err := one.post(t.Context(), completePath, stream("jargon", "A hacker is", 200))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := one.Pause(); err != nil {
		t.Fatal(err)
	}
	asked := make(chan int, 1)
	go func() {
		status, _ := one.say(completePath, complete("jargon", "foo", 3))
		asked <- status
	}()
	for range 3 { // when others were answered the pause is long in force
		two.say(completePath, complete("jargon", "kluge", 20))
	}
	before := one.Units()
	two.say(completePath, complete("jargon", "kluge", 20))
	if after := one.Units(); after != before {
		t.Errorf("a paused session had %d units, then %d", before, after)
	}
	select {
	case status := <-asked:
		t.Errorf("a paused session answers %d", status)
	default:
	}
	if err := one.Resume(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || said(t, got) != said(t, want) {
		t.Errorf("paused on the way it says %q, else %q, %v", said(t, got), said(t, want), err)
	}
	if status := <-asked; status != http.StatusOK {
		t.Errorf("after the pause the other request is answered with %d", status)
	}
}

// said joins the texts of a stream.
func said(t *testing.T, body []byte) (all string) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		var v struct{ Choices []struct{ Text string } }
		data, ok := strings.CutPrefix(lines.Text(), "data: {")
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte("{"+data), &v); err != nil {
			t.Fatal(err)
		}
		for _, c := range v.Choices {
			all += c.Text
		}
	}
	return all
}

// TestCrash: the requests under way get a clear error, what they made is billed, and the
// server comes back.
func TestCrash(t *testing.T) {
	r := newRig(t, 100, "jargon")
	c := r.open("jargon")
	resp, err := c.post(t.Context(), completePath, stream("jargon", "A hacker is", 200))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	until(t, "something was made", func() bool { return c.Units() > 0 })
	if err := c.Pause(); err != nil {
		t.Fatal(err)
	}
	r.engine.mu.Lock()
	crashed := r.engine.running["jargon"]
	r.engine.mu.Unlock()
	crashed.Stop()
	got, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Contains(got, []byte(`"error"`)) || bytes.Contains(got, []byte("[DONE]")) {
		t.Errorf("the answer under way ends with %.300s, %v", got, err)
	}
	if c.Units() == 0 {
		t.Error("what was made before is not billed")
	}
	if err := c.Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, "the model answers again", func() bool {
		resp, err := c.post(t.Context(), completePath, complete("jargon", "x", 2))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
		return resp.StatusCode == http.StatusOK
	})
	if st := r.Status()[0]; st.Crashes != 1 || st.Loads != 2 {
		t.Errorf("after one crash: %+v", st)
	}
	if len(r.Served()) != 1 {
		t.Error("a model that came back is not offered")
	}
}

// TestModelThatFailsIsNotOffered: one that cannot be loaded again is taken out of the offer, and
// comes back when it can.
func TestModelThatFailsIsNotOffered(t *testing.T) {
	r := newRig(t, 100, "jargon")
	r.engine.mu.Lock()
	r.engine.refuse["jargon"] = errors.New("the disk is gone")
	crashed := r.engine.running["jargon"]
	r.engine.mu.Unlock()
	crashed.Stop()
	until(t, "the model is offered no more", func() bool { return len(r.Served()) == 0 })
	if _, err := r.Open(t.Context(), "cid of jargon"); err == nil {
		t.Error("a session with a model that cannot be loaded")
	}
	r.engine.mu.Lock()
	delete(r.engine.refuse, "jargon")
	r.engine.mu.Unlock()
	until(t, "the model is offered again", func() bool { return len(r.Served()) == 1 })
}

// TestPlaces: with one place for two models, such as one card, each makes room for the other
// though there is memory for both.
func TestPlaces(t *testing.T) {
	r := newRig(t, 1000, "one", "two")
	loaded := func() (n int) {
		for _, st := range r.Status() {
			if st.State == "loaded" {
				n++
			}
		}
		return n
	}
	if n := loaded(); n != 2 {
		t.Errorf("%d are loaded where nothing says how many may be", n)
	}
	r.mu.Lock()
	r.cfg.Places = 1
	r.mu.Unlock()
	r.engine.mu.Lock()
	crashed := r.engine.running["two"]
	r.engine.mu.Unlock()
	crashed.Stop()
	until(t, "it is missed", func() bool { return r.Status()[1].Crashes == 1 })
	c := r.open("two")
	until(t, "the second has the place", func() bool {
		status, _ := c.say(completePath, complete("two", "x", 1))
		return status == http.StatusOK
	})
	until(t, "the first has made room", func() bool { return r.Status()[0].State == "not loaded" && loaded() == 1 })
}

// TestSilentServer: a server that lives and does not say that it is well is ended, and started
// again.
func TestSilentServer(t *testing.T) {
	r := newRig(t, 100, "jargon")
	r.engine.mu.Lock()
	r.engine.silent = true
	r.engine.mu.Unlock()
	until(t, "the server is ended", func() bool { return r.Status()[0].Crashes > 0 })
	r.engine.mu.Lock()
	r.engine.silent = false
	r.engine.mu.Unlock()
	until(t, "the model answers again", func() bool { return r.Status()[0].State == "loaded" && len(r.Served()) == 1 })
}

// TestSetRefuses names what cannot be served, and the limit.
func TestSetRefuses(t *testing.T) {
	m := func(name string, mem uint64) Model {
		return Model{Served: protocol.Served{CID: "c" + name, Name: name}, MemoryBytes: mem * mib}
	}
	for want, cfg := range map[string]Config{
		"has room for 4": {MemoryBytes: mib, Models: []Model{m("a", 1), m("b", 1), m("c", 1), m("d", 1), m("e", 1)}},
		"--model-memory": {MemoryBytes: mib, Models: []Model{m("a", 2)}},
		"serve it once":  {MemoryBytes: mib, Models: []Model{m("a", 1), m("a", 1)}},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.gguf")
	if err := os.WriteFile(bad, []byte("<html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := m("broken", 1)
	broken.Path = bad
	s, err := New(Config{MemoryBytes: mib, Models: []Model{broken}, Engine: &local{running: map[string]*inside{}}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	if err := s.Prove(ctx); err == nil || !strings.Contains(err.Error(), "gguf") || len(s.Served()) != 0 {
		t.Errorf("a file that is no model: %v, %v offered", err, s.Served())
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

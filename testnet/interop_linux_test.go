package testnet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rerig/rerig/gateway"
	"github.com/rerig/rerig/protocol"
)

// Clients of the OpenAI API that nobody here wrote, against `rerig serve`: over rigs that
// compute the embedded model, and over scripted model servers for what that cannot do.
// `make interop` prints a line for each thing that works.
func TestInterop(t *testing.T) {
	t.Parallel()
	binary, dir := build(t), npmClients(t)
	clients := [][]string{{"node", "openai.mjs"}, {"node", "ai.mjs"}, {"node", "langchain.mjs"}, {goClient(t)}}
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		url, _, _, _, _ := newScene(t, binary).gateway(256, "alice")
		for _, c := range clients {
			drive(t, url, "real", dir, c...)
		}
	})
	t.Run("scripted", func(t *testing.T) {
		t.Parallel()
		for _, c := range clients {
			drive(t, scriptedGateway(t), "scripted", dir, c...)
		}
	})
}

// npmClients installs the pinned clients where they are not there yet.
func npmClients(t *testing.T) (dir string) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s for the clients of npm: install Node 20 or later", tool)
		}
	}
	dir, err := filepath.Abs("../gateway/interop")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil {
		return dir
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// goClient builds the client for Go, a module of its own.
func goClient(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "goclient")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	cmd.Dir, cmd.Env = "../gateway/interop/goclient", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the client for Go: %v\n%s", err, out)
	}
	return binary
}

// drive runs one client's checks and prints their lines for make interop.
func drive(t *testing.T, url, mode, dir string, line ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GATEWAY="+url, "MODE="+mode, "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("not ok")) || !bytes.Contains(out, []byte("ok ")) {
		t.Errorf("%v, %s: %v\n%s", line, mode, err, out)
		return
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "ok ") {
			fmt.Printf("interop %s: %s", mode, line)
		}
	}
}

// scriptedGateway is a gateway in this process whose rigs are scripted model servers.
func scriptedGateway(t *testing.T) (url string) {
	t.Helper()
	script := &modelScript{}
	market := &scriptedMarket{}
	for i := range 4 { // a rig that breaks a stream is left alone for a while
		web := httptest.NewServer(script)
		t.Cleanup(web.Close)
		market.addresses = append(market.addresses, web.Listener.Addr().String())
		market.offers = append(market.offers, gateway.Offer{Rig: protocol.Address{byte(i + 1)}, Model: protocol.Served{CID: "scripted", Name: "jargon",
			Context: 4096, PerMillion: protocol.NewAmount(1), Tick: 64}})
	}
	ready := make(chan net.Addr, 1)
	g, err := gateway.New(gateway.Config{Listen: "127.0.0.1:0", Dir: t.TempDir(), Budget: protocol.NewAmount(1_000_000), Market: market,
		Text: func(a protocol.Amount) string { return a.Units(6) }, Ready: func(a net.Addr) { ready <- a }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the gateway ends with %v", err)
		}
	})
	return "http://" + (<-ready).String()
}

// scriptedMarket hires scripted servers, for nothing.
type scriptedMarket struct {
	offers    []gateway.Offer
	addresses []string
}

func (m *scriptedMarket) Offers(context.Context) ([]gateway.Offer, []string, error) {
	return append([]gateway.Offer(nil), m.offers...), nil, nil
}

func (m *scriptedMarket) Open(_ context.Context, o gateway.Offer, _ protocol.Amount) (gateway.Session, error) {
	for i := range m.offers {
		if m.offers[i].Rig == o.Rig {
			return &scriptedSession{address: m.addresses[i], done: make(chan struct{})}, nil
		}
	}
	return nil, errors.New("no such rig")
}

type scriptedSession struct {
	address string
	done    chan struct{}
	once    sync.Once
}

func (s *scriptedSession) Job() string { return "0x01" }
func (s *scriptedSession) Dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", s.address)
}
func (s *scriptedSession) Delivered(context.Context, uint64) error { return nil }
func (s *scriptedSession) Spent() protocol.Amount                  { return protocol.Amount{} }
func (s *scriptedSession) Done() <-chan struct{}                   { return s.done }
func (s *scriptedSession) Err() error                              { return nil }
func (s *scriptedSession) Close(context.Context) error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// modelScript is a model server that does by the user's first word.
type modelScript struct {
	mu    sync.Mutex
	until time.Time // busy till then
}

func (m *modelScript) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"jargon","object":"model"}]}`)
		return
	}
	var q struct {
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &q)
	}
	if err != nil || len(q.Messages) == 0 {
		http.Error(w, `{"error":{"message":"nonsense"}}`, http.StatusBadRequest)
		return
	}
	first, last := string(q.Messages[0].Content), q.Messages[len(q.Messages)-1]
	content := func(text string) string { return fmt.Sprintf(`{"content":%q}`, text) }
	switch {
	case last.Role == "tool":
		events(w, 0, "stop", content("It is "), content("rain."))
	case strings.Contains(first, "tools"):
		events(w, 0, "tool_calls", `{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]}`,
			`{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}`, `{"tool_calls":[{"index":0,"function":{"arguments":"\"Oslo\"}"}}]}`)
	case strings.Contains(first, "image"):
		if !strings.Contains(first, "data:image/png;base64,aGk=") {
			http.Error(w, `{"error":{"message":"there is no image"}}`, http.StatusBadRequest)
			return
		}
		events(w, 0, "stop", content("a picture of hi"))
	case strings.Contains(first, "slow"):
		events(w, 300*time.Millisecond, "stop", content("one "), content("two "), content("three"))
	case strings.Contains(first, "broken"):
		events(w, 0, "", content("one "))
		panic(http.ErrAbortHandler)
	case strings.Contains(first, "endless"):
		for r.Context().Err() == nil {
			events(w, 10*time.Millisecond, "", content("and "))
		}
	default:
		m.busy(w, strings.Contains(first, "then not"))
	}
}

// busy refuses, for ever or for half a second.
func (m *modelScript) busy(w http.ResponseWriter, ends bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.until.IsZero() && ends {
		m.until = time.Now().Add(500 * time.Millisecond)
	}
	if !ends || time.Now().Before(m.until) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, `{"error":{"message":"full"}}`, http.StatusTooManyRequests)
		return
	}
	events(w, 0, "stop", `{"content":"here"}`)
}

// events streams deltas, and the end where there is a reason for it.
func events(w http.ResponseWriter, pause time.Duration, finish string, deltas ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, d := range deltas {
		fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":null}]}\n\n", d)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(pause) // a slow server is what is scripted
	}
	if finish != "" {
		fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":%q}]}\n\n"+
			"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3,\"total_tokens\":8}}\n\ndata: [DONE]\n\n", finish)
	}
}

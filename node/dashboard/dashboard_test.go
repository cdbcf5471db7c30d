package dashboard

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a dashboard that is as if it listened beyond loopback where it is to have a
// token.
func serve(t *testing.T, token string, log *Log) *Server {
	t.Helper()
	s, err := Listen(Config{Listen: "127.0.0.1:0", Live: "rig", Every: 10 * time.Millisecond, Log: log,
		Looks: map[string]Look{"rig": func(*http.Request) (any, error) { return map[string]int{"watts": 120}, nil },
			"broken": func(*http.Request) (any, error) { return nil, errors.New("no such card") }},
		Refuse: func(err error) (int, string) { return http.StatusNotFound, err.Error() }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.token, s.loopback = token, token == ""
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func request(t *testing.T, s *Server, method, path string, change func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(method, strings.TrimSuffix(s.URL(), "/")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// TestWhoMayLook lets in the owner's browser, and no other site's page, no name of a
// stranger's, and no change.
func TestWhoMayLook(t *testing.T) {
	s := serve(t, "", nil)
	set := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	for _, one := range []struct {
		about, method, path string
		change              func(*http.Request)
		want                int
	}{
		{"the page", "GET", "/", nil, 200},
		{"what it asks", "GET", "/api/rig", set("Sec-Fetch-Site", "same-origin"), 200},
		{"by localhost", "GET", "/api/rig", host("localhost:8485"), 200},
		{"by a name that leads here", "GET", "/api/rig", host("evil.example:8485"), 421},
		{"by an address that is not loopback's", "GET", "/api/rig", host("192.0.2.7:8485"), 421},
		{"from another site's page", "GET", "/api/rig", set("Sec-Fetch-Site", "cross-site"), 403},
		{"from another origin", "GET", "/api/rig", set("Origin", "http://evil.example"), 403},
		{"from an origin that is null", "GET", "/api/rig", set("Origin", "null"), 403},
		{"a change", "POST", "/api/rig", nil, 405},
		{"a login where there is no token", "POST", "/login", nil, 405},
		{"a change from another site", "DELETE", "/", set("Origin", "http://evil.example"), 403},
		{"an error", "GET", "/api/broken", nil, 404},
		{"what is not there", "GET", "/api/secrets", nil, 404},
		{"a way out", "GET", "/..%2f..%2fkey.json", nil, 404},
	} {
		status, head, body := request(t, s, one.method, one.path, one.change)
		if status != one.want {
			t.Errorf("%s: %d, want %d: %s", one.about, status, one.want, body)
		}
		if got := head.Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: policy %q", one.about, got)
		}
		if head.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other origins may read it", one.about)
		}
	}
	_, head, body := request(t, s, "GET", "/app.js", nil)
	if len(body) < 10_000 || !strings.HasPrefix(head.Get("Content-Type"), "text/javascript") {
		t.Errorf("the page's script is %d bytes of %q", len(body), head.Get("Content-Type"))
	}
}

// TestToken keeps those out who do not have it, and lets in those who do by header or form.
func TestToken(t *testing.T) {
	const token = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	s := serve(t, token, nil)
	for _, wrong := range []func(*http.Request){nil,
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token[1:]) },
		func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: "x"}) }} {
		if status, _, body := request(t, s, "GET", "/api/rig", wrong); status != 401 || strings.Contains(body, "watts") {
			t.Errorf("without the token: %d %s", status, body)
		}
		if status, _, body := request(t, s, "GET", "/", wrong); status != 401 || !strings.Contains(body, `name="token"`) {
			t.Errorf("the page without the token: %d %s", status, body)
		}
	}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	if status, _, body := request(t, s, "GET", "/api/rig", bearer); status != 200 || body != `{"watts":120}` {
		t.Errorf("with it: %d %s", status, body)
	}
	login := func(value string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body = io.NopCloser(strings.NewReader(url.Values{"token": {value}}.Encode()))
		}
	}
	if status, head, _ := request(t, s, "POST", "/login", login("nonsense")); status != 403 || head.Get("Set-Cookie") != "" {
		t.Errorf("a wrong login: %d %q", status, head.Get("Set-Cookie"))
	}
	status, head, _ := request(t, s, "POST", "/login", login(token))
	cookie := head.Get("Set-Cookie")
	if status != 303 || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
		t.Fatalf("a login: %d %q", status, cookie)
	}
	if status, _, _ := request(t, s, "GET", "/api/rig", func(r *http.Request) { r.Header.Set("Cookie", strings.Split(cookie, ";")[0]) }); status != 200 {
		t.Errorf("with its cookie: %d", status)
	}
}

// TestTokenFile makes a token once, for its owner alone, and takes no short one.
func TestTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dashboard.token")
	first, err := loadToken(file)
	if err != nil || len(first) < minToken {
		t.Fatalf("token of %d bytes, %v", len(first), err)
	}
	if again, err := loadToken(file); err != nil || again != first {
		t.Errorf("the next time it is another one, %v", err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm()&fs.FileMode(0o077) != 0 {
		t.Errorf("its file is %v, %v", st.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadToken(file); err == nil || !strings.Contains(err.Error(), "has 5") {
		t.Errorf("a short token: %v", err)
	}
	if _, err := Listen(Config{Listen: "0.0.0.0:0", TokenFile: file, Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("it listens beyond loopback without a token")
	}
}

// TestFollowers are sent what is live and what is logged; there are no more than fit, and a
// place is free again when one leaves.
func TestFollowers(t *testing.T) {
	log := &Log{}
	logger := slog.New(log.Tee(slog.DiscardHandler)) // takes nothing
	logger.Info("lost")
	logger = slog.New(log.Tee(slog.NewTextHandler(io.Discard, nil))).With("node", "0xabc")
	s := serve(t, "", log)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	follow := func() (io.ReadCloser, int) {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"api/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Body, resp.StatusCode
	}
	var all []io.ReadCloser
	for range maxFollowers {
		body, status := follow()
		if all = append(all, body); status != http.StatusOK {
			t.Fatalf("a follower: %d", status)
		}
	}
	over, status := follow()
	over.Close()
	if status != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", status)
	}
	lines := bufio.NewScanner(all[0])
	want := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Errorf("no follower is sent %q: %v", text, lines.Err())
	}
	want(`{"watts":120}`)
	logger.Warn("a card is hot", "card", 3)
	want(`"text":"a card is hot node=0xabc card=3"`)
	for _, body := range all {
		body.Close()
	}
	for {
		body, status := follow()
		body.Close()
		if status == http.StatusOK {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("no place is free after all left")
		}
	}
	for range keepLines + 10 {
		logger.Info(strings.Repeat("x", 3*maxLine))
	}
	if kept := log.Lines(); len(kept) != keepLines || len(kept[0].Text) > maxLine || kept[len(kept)-1].Seq != keepLines+11 {
		t.Errorf("%d lines are kept, the last is %d", len(kept), kept[len(kept)-1].Seq)
	}
}

// TestAddress keeps a port alone on this machine.
func TestAddress(t *testing.T) {
	for text, want := range map[string]string{"8485": "127.0.0.1:8485", ":8485": "127.0.0.1:8485", "localhost:1": "127.0.0.1:1",
		"0.0.0.0:80": "0.0.0.0:80", "[::1]:9": "[::1]:9", "rig.example:80": "", "127.0.0.1": "", "": "", "x": ""} {
		if got, err := Address(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v, want %q", text, got, err, want)
		}
	}
}

package gateway

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

func tokens(s string) (protocol.Amount, error) { return protocol.ParseUnits(s, 6) }

// keyed makes a file of keys and returns the secrets by name.
func keyed(t *testing.T, keys ...Key) (path string, secrets map[string]string) {
	t.Helper()
	secrets = map[string]string{}
	var b strings.Builder
	for _, k := range keys {
		secrets[k.Name], k.Hash = NewSecret()
		b.WriteString(k.Line(func(a protocol.Amount) string { return a.Units(6) }) + " # of " + k.Name + "\n")
	}
	path = filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("# NAME SHA256\n\n"+b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, secrets
}

// TestKeys: with a file of keys every request needs one, each has its own budget over all
// time, and its own rate.
func TestKeys(t *testing.T) {
	m := &fakeMarket{}
	m.rig(t, 1, scripted(func(w http.ResponseWriter, _ *http.Request) { says(w, `{"content":"hi"}`, `{}`) }))
	path, secrets := keyed(t, Key{Name: "rich"}, Key{Name: "poor", Budget: protocol.NewAmount(100)}, Key{Name: "slow", PerMinute: 2})
	keys, err := LoadKeys(path, tokens)
	if err != nil || len(keys) != 3 || keys[1].Budget != protocol.NewAmount(100) || keys[2].PerMinute != 2 {
		t.Fatalf("%+v, %v", keys, err)
	}
	dir := t.TempDir()
	change := func(c *Config) { c.Keys, c.Dir = keys, dir }
	c := begin(t, m, change)
	body := `{` + chat + `,"max_tokens":20}` // 2 tokens made of 3 read: 3 units, held as 55
	as := func(name string) []string { return []string{"Authorization", "Bearer " + secrets[name]} }
	if e := c.refuse("/v1/chat/completions", body); e.Status != 401 || e.code() != "missing_api_key" {
		t.Errorf("no key: %+v", e)
	}
	if e := c.refuse("/v1/chat/completions", body, "Authorization", "Bearer sk-rerig-0000"); e.Status != 401 || e.code() != "invalid_api_key" {
		t.Errorf("wrong key: %+v", e)
	}
	if res, _ := c.send(http.MethodGet, "/v1/models", ""); res.StatusCode != 401 {
		t.Errorf("models without a key: %d", res.StatusCode)
	}
	if e := c.refuse("/v1/chat/completions", `{"model":"gpt-9","messages":[]}`, as("rich")...); e.Status != http.StatusNotFound {
		t.Errorf("nobody serves it: %+v", e)
	}
	for range 5 {
		if res, raw := c.post("/v1/chat/completions", body, as("rich")...); res.StatusCode != 200 {
			t.Fatalf("rich: %d %s", res.StatusCode, raw)
		}
	}
	paid := 0
	for ; paid < 100; paid++ {
		if res, _ := c.post("/v1/chat/completions", body, as("poor")...); res.StatusCode == http.StatusPaymentRequired {
			break
		}
	}
	if paid < 10 || paid > 33 {
		t.Errorf("100 base units bought %d answers of 3", paid)
	}
	for i, want := range []int{200, 200, 429} {
		res, _ := c.post("/v1/chat/completions", body, as("slow")...)
		if res.StatusCode != want || want == 429 && res.Header.Get("Retry-After") == "" || res.Header.Get("X-Ratelimit-Limit-Requests") != "2" {
			t.Errorf("request %d in a minute: %d %v", i+1, res.StatusCode, res.Header)
		}
	}
	c.stop()
	if strings.Contains(c.log.String(), secrets["rich"]) {
		t.Error("a key is in the log")
	}
	again := begin(t, m, change)
	if e := again.refuse("/v1/chat/completions", body, as("poor")...); e.Status != http.StatusPaymentRequired || !strings.Contains(e.Message, "poor has spent") {
		t.Errorf("a budget is forgotten with the process: %+v", e)
	}
}

// TestKeyFiles: what is wrong with a file of keys is told with its line.
func TestKeyFiles(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	for text, want := range map[string]string{
		"alone\n":                            ":1: want NAME",
		"a " + hash[:10] + "\n":              "64 hex digits",
		"a " + hash + " budget=0\n":          "above 0",
		"a " + hash + " rpm=-1\n":            "rpm=-1",
		"a " + hash + " colour=red\n":        "unknown word",
		"a " + hash + "\n\nb " + hash + "\n": ":3: there is a key",
		strings.Repeat("a", 2000):            "too long",
		"#":                                  "",
	} {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKeys(path, tokens); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	path, _ := keyed(t, Key{Name: "a"})
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeys(path, tokens); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others read: %v", err)
	}
}

// TestOutside: beyond this machine nothing is answered without keys.
func TestOutside(t *testing.T) {
	for listen, ok := range map[string]bool{"127.0.0.1:0": true, "[::1]:0": true, "localhost:0": true,
		"0.0.0.0:0": false, ":0": false, "192.0.2.1:80": false, "example.org:80": false, "nonsense": false} {
		c := Config{Listen: listen, Dir: t.TempDir(), Budget: usual, Market: &fakeMarket{}, Text: text}
		g, err := New(c)
		if (err == nil) != ok {
			t.Errorf("%s without keys: %v", listen, err)
		}
		if err == nil {
			g.journal.db.Close()
		}
	}
}

// TestOtherSites: a page in a browser can neither spend nor read, whatever its name points to.
func TestOtherSites(t *testing.T) {
	m := &fakeMarket{}
	m.rig(t, 1, scripted(func(w http.ResponseWriter, _ *http.Request) { says(w, `{"content":"hi"}`, `{}`) }))
	c := begin(t, m, func(c *Config) { c.Hosts = []string{"rigs.example"} })
	for what, header := range map[string][]string{
		"a name that was pointed here":   {"Host", "evil.example"},
		"another origin":                 {"Origin", "http://evil.example"},
		"a browser that says cross-site": {"Sec-Fetch-Site", "cross-site"},
		"a form":                         {"Content-Type", "text/plain"},
	} {
		if e := c.refuse("/v1/chat/completions", `{`+chat+`}`, header...); e.Status != 403 && e.Status != 415 {
			t.Errorf("%s: %+v", what, e)
		}
	}
	for what, header := range map[string][]string{"a name that is allowed": {"Host", "rigs.example:8400"}, "localhost": {"Host", "localhost:1"}} {
		if res, raw := c.post("/v1/chat/completions", `{`+chat+`}`, header...); res.StatusCode != 200 {
			t.Errorf("%s: %d %s", what, res.StatusCode, raw)
		}
	}
	res, _ := c.send(http.MethodOptions, "/v1/chat/completions", "", "Origin", "http://evil.example", "Access-Control-Request-Method", "POST")
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("a preflight is answered with %s", name)
		}
	}
}

// TestBudget: the gateway spends no more than it may, and says when it cannot.
func TestBudget(t *testing.T) {
	m := &fakeMarket{}
	rig := m.rig(t, 1, scripted(func(w http.ResponseWriter, _ *http.Request) {
		for range 50 {
			io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")
		}
		io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"+
			"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":50,\"total_tokens\":53}}\n\ndata: [DONE]\n\n")
	}))
	budget := protocol.NewAmount(1000)
	c := begin(t, m, func(c *Config) { c.Budget = budget })
	var e refused
	answers := 0
	for ; answers < 100; answers++ {
		res, _ := c.post("/v1/chat/completions", `{`+chat+`,"max_tokens":60}`)
		if res.StatusCode == http.StatusPaymentRequired {
			e = c.refuse("/v1/chat/completions", `{`+chat+`,"max_tokens":60}`)
			break
		}
	}
	if e.Status != http.StatusPaymentRequired || e.code() != "insufficient_quota" || answers < 5 || answers > 20 {
		t.Errorf("after %d answers of 50: %+v", answers, e)
	}
	c.stop()
	total := protocol.Amount{}
	for _, s := range rig.sessions {
		if spent := s.Spent(); s.budget.Less(spent) {
			t.Errorf("a session of %s spent %s", s.budget, spent)
		}
		total = sum(total, s.Spent())
	}
	if budget.Less(total) || budget.Less(c.g.Spent()) || c.g.Spent() != total {
		t.Errorf("of %s sessions spent %s, the purse says %s", budget, total, c.g.Spent())
	}
	if len(rig.sessions) < 2 {
		t.Error("no session was renewed")
	}
}

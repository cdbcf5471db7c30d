package testnet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/hardware/rigtest"
	"github.com/rerig/rerig/node/metrics"
)

// TestMetrics has a real Prometheus look at a rig and a requester that do business: what is
// shipped for Grafana and for alerts (SPEC §8.10) is asked of it, and must find something.
func TestMetrics(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s: install Debian's package prometheus; its service need not run", program)
		}
	}
	if out, err := exec.Command("promtool", "check", "rules", "../packaging/prometheus/rules.yml").CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	w := watch(newSceneOf(t, build(t), 2*scenarioTime))
	for _, expr := range dashboard(t) {
		w.finds(expr)
	}
	w.rules()
	w.hostile()
	w.trouble()
}

// endpointKey is the secret in the path of a rig's RPC endpoint.
const endpointKey = "k3y-in-the-path"

// watched is a rig and a requester with a Prometheus.
type watched struct {
	*carded
	machine *rigtest.Live
	down    atomic.Bool // the chain's endpoint answers 503
	pages   string      // of the rig
	api     string      // of Prometheus
	http    *http.Client
}

func watch(s *scene) *watched {
	s.t.Helper()
	m := rigtest.Mixed()
	m.CPUTempC = 51
	for i := range m.Cards {
		m.Cards[i].MemoryC = 62
	}
	w := &watched{carded: &carded{scene: s, root: filepath.Join(s.dir, "machine"), alice: s.rig("alice"), bob: s.requester("bob")},
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}}
	var err error
	w.machine, err = m.Live(w.root)
	s.must(err)
	if err := m.Files(w.root); err != nil {
		s.t.Skipf("needs device files: run as root: %v", err)
	}
	w.alice.env = []string{"RERIG_UP_CONTAINERS=namespaces"}
	born := uint64(time.Now().UnixMilli())
	s.serve(w.bob, "up", "--server", "--listen", s.listen, "--metrics", "127.0.0.1:0")
	w.up = s.up(w.alice, "--slots", "4", "--gpu-price", "36/h", "--sysroot", w.root, "--kwh", "0.15", "--mining-revenue", "1/h",
		"--idle-cmd", `/bin/sh -c 'trap "exit 0" TERM; while :; do sleep 0.05; done'`, "--rpc", w.endpoint()+"/v3/"+endpointKey,
		"--metrics", "127.0.0.1:0", "--serve", "small="+s.gguf("small")+",price="+servedPrice)
	w.offered(2, born)
	w.mined(card3070, func(st *governor.CardStatus) bool { return st.Mode == governor.ModeMine && st.Miner.State == "runs" })
	w.hire([]string{"--vram", "6GiB"}, 0).exits(0)
	w.same("what the rig was promised", w.earned(w.alice), w.collect(w.alice, w.bob))
	w.mined(card3070, func(st *governor.CardStatus) bool { return st.Mode == governor.ModeMine && st.Miner.StartMS > 0 })
	var targets []string
	for _, m := range []*member{w.alice, w.bob} {
		info, err := s.api(m).Info(s.ctx)
		s.must(err)
		targets = append(targets, strings.TrimPrefix(info.Metrics, "http://"))
	}
	w.pages = "http://" + targets[0]
	w.prometheus(append(targets, w.odd()))
	return w
}

// endpoint stands before the chain's, and can be made to fail.
func (w *watched) endpoint() string {
	to, err := url.Parse(w.net.Profile.RPC[0])
	w.must(err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.URL.Path = "/" }, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() {
			http.Error(rw, "down", http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

// oddName is what a card may call itself.
const oddName = "RTX \"9090\"} 1\nrerig_faked{x=\"\\"

// odd is a page with names that others chose.
func (w *watched) odd() string {
	f := &metrics.Family{Name: "rerig_odd", Help: "Odd\nnames.", Kind: metrics.Gauge, Labels: []string{"model"}}
	server, err := metrics.Listen(metrics.Config{Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler), Ready: func(context.Context) []metrics.Reason { return nil },
		Fill: func(_ context.Context, p *metrics.Page) error {
			p.Add(f, "7", oddName)
			for i := range 5000 {
				p.Add(f, "1", fmt.Sprint("many ", i))
			}
			return nil
		}})
	w.must(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	})
	return strings.TrimPrefix(server.URL(), "http://")
}

// prometheus starts one that looks every second, and whose alerts do not wait.
func (w *watched) prometheus(targets []string) {
	w.t.Helper()
	dir := w.t.TempDir()
	rules, err := os.ReadFile("../packaging/prometheus/rules.yml")
	w.must(err)
	rules = regexp.MustCompile(`(?m)^(\s+for:) .*$`).ReplaceAll(rules, []byte("$1 0s"))
	list, err := json.Marshal(targets)
	w.must(err)
	w.must(os.WriteFile(filepath.Join(dir, "rules.yml"), rules, 0o600))
	w.must(os.WriteFile(filepath.Join(dir, "prometheus.yml"), fmt.Appendf(nil, `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: rerig
    static_configs: [{targets: %s}]
`, list), 0o600))
	log := new(capture)
	cmd := exec.Command("prometheus", "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", "127.0.0.1:0")
	cmd.Dir, cmd.Stderr = dir, log
	w.must(cmd.Start())
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := cmd.Wait(); err != nil || w.t.Failed() {
			w.t.Logf("prometheus: %v\n%.8000s", err, log)
		}
	})
	listening := regexp.MustCompile(`msg="Listening on" address=(127\.0\.0\.1:\d+)`)
	w.until("prometheus listens", func() (bool, error) {
		m := listening.FindStringSubmatch(log.String())
		if m != nil {
			w.api = "http://" + m[1]
		}
		return m != nil, nil
	})
}

// get reads a page.
func (w *watched) get(page string) (code int, body []byte, err error) {
	r, err := http.NewRequestWithContext(w.ctx, http.MethodGet, page, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := w.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	return resp.StatusCode, body, err
}

// series is one of what an expression finds.
type series struct {
	Metric map[string]string
	Value  [2]any
}

// ask asks Prometheus.
func (w *watched) ask(expr string) (found []series, err error) {
	code, body, _ := w.get(w.api + "/api/v1/query?query=" + url.QueryEscape(expr)) // no answer while it starts
	var a struct {
		Status, Error string
		Data          struct{ Result []series }
	}
	if code == 0 || json.Unmarshal(body, &a) != nil { // "Service Unavailable", while it reads its own log
		return nil, nil //nolint:nilerr // asked again
	}
	if a.Status != "success" {
		return nil, fmt.Errorf("prometheus says of %s: %s", expr, a.Error)
	}
	return a.Data.Result, nil
}

// finds waits until an expression finds something.
func (w *watched) finds(expr string) (found []series) {
	w.t.Helper()
	w.until(expr+" finds something", func() (ok bool, err error) {
		found, err = w.ask(expr)
		return len(found) > 0, err
	})
	return found
}

// dashboard is every expression that Grafana is given, with its variables filled in.
func dashboard(t *testing.T) (exprs []string) {
	t.Helper()
	raw, err := os.ReadFile("../packaging/grafana/rerig.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*")
	for _, p := range d.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks nothing", p.Title)
		}
		for _, one := range p.Targets {
			exprs = append(exprs, fill.Replace(one.Expr))
		}
	}
	if n := bytes.Count(raw, []byte(`"expr"`)); n != len(exprs) || n < 30 {
		t.Fatalf("the dashboard has %d expressions, read were %d", n, len(exprs))
	}
	return exprs
}

// rule is an alert as Prometheus has it.
type rule struct {
	Name, Health, LastError, State string
	LastEvaluation                 time.Time
	Alerts                         []struct{ Labels map[string]string }
}

func (w *watched) alerts() (list []rule, err error) {
	_, body, err := w.get(w.api + "/api/v1/rules")
	if err != nil {
		return nil, err
	}
	var a struct {
		Data struct{ Groups []struct{ Rules []rule } }
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, err
	}
	for _, g := range a.Data.Groups {
		list = append(list, g.Rules...)
	}
	return list, nil
}

// rules waits until each was evaluated, and wants no error and nothing that fires.
func (w *watched) rules() {
	w.t.Helper()
	w.until("every rule is evaluated", func() (bool, error) {
		list, err := w.alerts()
		for _, r := range list {
			switch {
			case r.Health == "err":
				return false, fmt.Errorf("%s: %s", r.Name, r.LastError)
			case r.Health != "ok":
				return false, nil
			}
		}
		return err == nil && len(list) > 10, err
	})
	list, err := w.alerts()
	w.must(err)
	for _, r := range list {
		if r.State != "inactive" {
			w.t.Errorf("%s is %s where nothing is wrong: %v", r.Name, r.State, r.Alerts)
		}
	}
}

// hostile: a name is one value of one label, and many are cut off; and no secret is told.
func (w *watched) hostile() {
	w.t.Helper()
	found := w.finds("rerig_odd == 7")
	if len(found) != 1 || found[0].Metric["model"] != oddName {
		w.t.Errorf("the odd name is %q", found)
	}
	if many := w.finds("count(rerig_odd)"); many[0].Value[1] != "512" {
		w.t.Errorf("of 5001 series there are %v", many[0].Value[1])
	}
	if faked, err := w.ask("rerig_faked"); err != nil || len(faked) > 0 {
		w.t.Errorf("a name made a metric: %v %v", faked, err)
	}
	code, body, err := w.get(w.pages + "/metrics")
	w.must(err)
	if code != 200 || bytes.Contains(body, []byte(endpointKey)) || !bytes.Contains(body, []byte(`rerig_rpc_requests_total{endpoint="http://127.0.0.1:`)) {
		w.t.Errorf("the rig's page is %d:\n%.4000s", code, body)
	}
	for page, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if code, body, err := w.get(w.pages + page); err != nil || code != 200 || string(body) != want {
			w.t.Errorf("%s is %d %q %v", page, code, body, err)
		}
	}
	for expr, want := range map[string]string{
		`rerig_gpu_temperature_celsius{card="` + card3060 + `",model="RTX 3060"}`:        "44",
		`rerig_jobs_ended_total{role="rig",result="done",reason="none"}`:                 "1",
		`rerig_gpu_memory_bytes{card="` + card3070 + `"}`:                                "8589934592",
		`rerig_collected_base_units_total - on (instance) rerig_earned_base_units_total`: "0",
	} {
		w.until(expr+" is "+want, func() (bool, error) {
			found, err := w.ask(expr)
			return slices.ContainsFunc(found, func(s series) bool { return s.Value[1] == want }), err
		})
	}
}

// trouble: what goes wrong is an alert, and /readyz has the reason.
func (w *watched) trouble() {
	w.t.Helper()
	w.must(w.machine.Set(card3060, func(c *rigtest.Card) { c.TempC = 93 }))
	w.must(w.machine.Unplug(card3070))
	w.down.Store(true)
	for _, name := range []string{"RerigCardHot", "RerigCardLost", "RerigNotReady", "RerigChainOffline", "RerigRPCErrors"} {
		w.until(name+" fires", func() (bool, error) {
			list, err := w.alerts()
			return slices.ContainsFunc(list, func(r rule) bool { return r.Name == name && r.State == "firing" }), err
		})
	}
	code, body, err := w.get(w.pages + "/readyz")
	if err != nil || code != http.StatusServiceUnavailable || !strings.HasPrefix(string(body), "chain: ") || bytes.Contains(body, []byte(endpointKey)) {
		w.t.Errorf("not ready is %d %q %v", code, body, err)
	}
	w.down.Store(false)
	w.until("the rig is ready again", func() (bool, error) {
		code, _, err := w.get(w.pages + "/readyz")
		return code == 200, err
	})
}

package metrics

import (
	"context"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func text(t *testing.T, p *Page) string {
	t.Helper()
	var b strings.Builder
	if _, err := p.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHostileLabels: names that others choose stay one value of one line, and a page does not
// grow with them.
func TestHostileLabels(t *testing.T) {
	f := &Family{"rerig_x", "Of\nmany \\ kinds.", Gauge, []string{"card"}}
	var p Page
	for _, name := range []string{"a\"} 9\nrerig_faked 1", `back\slash`, "\x1b[2J\x00bell\x07", "\xff\xfe", strings.Repeat("ä", 4000)} {
		p.Add(f, "1", name)
	}
	p.Add(f, "2", `back\slash`) // a series is written once
	for i := range 10_000 {
		p.Add(f, Int(i), "card "+string(Int(i)))
	}
	got := text(t, &p)
	for _, want := range []string{`# HELP rerig_x Of\nmany \\ kinds.` + "\n", `rerig_x{card="a\"} 9\nrerig_faked 1"} 1` + "\n", `rerig_x{card="back\\slash"} 1` + "\n", `rerig_x{card="[2Jbell"} 1` + "\n", `rerig_x{card=""} 1` + "\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(got, "\nrerig_faked") || strings.Contains(got, `back\\slash"} 2`) || strings.ContainsRune(got, 0x1b) {
		t.Errorf("the page is\n%s", got)
	}
	for _, line := range strings.Split(got, "\n") {
		if len(line) > 2*maxLabel+100 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if n := strings.Count(got, "rerig_x{"); n != maxSeries {
		t.Errorf("%d series", n)
	}
}

// TestDecimals: nothing passes through a float.
func TestDecimals(t *testing.T) {
	for _, c := range []struct {
		n      int64
		places int
		want   Value
	}{{0, 3, "0"}, {14250, 3, "14.25"}, {-5, 6, "-0.000005"}, {100, 2, "1"}, {7, 0, "7"}, {math.MaxInt64, 6, "9223372036854.775807"}, {math.MinInt64, 0, "-9223372036854775808"}} {
		if got := Decimal(c.n, c.places); got != c.want {
			t.Errorf("%d/10^%d is %s, want %s", c.n, c.places, got, c.want)
		}
	}
}

// TestJobsAreCounted: each end once, by what came of it, and each phase for as long as it was.
func TestJobsAreCounted(t *testing.T) {
	var j Jobs
	at := time.Unix(1_800_000_000, 0)
	play := func(id byte, reason protocol.Reason, due, paid uint64) {
		rec := &protocol.Record{Job: protocol.Job{ID: protocol.Hash{id}, Role: protocol.RoleRig, Due: protocol.NewAmount(due), Paid: protocol.NewAmount(paid)}}
		for _, s := range []struct {
			state protocol.State
			after time.Duration
		}{{protocol.StateQueued, 0}, {protocol.StateStaging, 2 * time.Second}, {protocol.StateRunning, 20 * time.Millisecond}, {protocol.StateRunning, time.Hour}, {protocol.StateFinished, time.Hour}} {
			at = at.Add(s.after)
			rec.Job.State = s.state
			j.See(rec, at)
		}
		rec.Job.State, rec.Job.Reason, rec.Job.Ended = protocol.StateSettled, reason, true
		j.See(rec, at)
		j.See(rec, at) // a voucher after the end writes it once more
	}
	play(1, protocol.ReasonNone, 5, 5)
	play(2, protocol.ReasonNone, 5, 5)
	play(3, protocol.ReasonTrap, 5, 5)
	play(4, protocol.ReasonUnpaid, 5, 4)
	for i := range 1000 {
		play(byte(i%250), protocol.Reason(strings.Repeat("r", i%200)), 0, 0)
	}
	var p Page
	j.Write(&p)
	got := text(t, &p)
	for _, want := range []string{`rerig_jobs_ended_total{role="rig",result="unpaid",reason="unpaid"} 1`, `rerig_jobs_ended_total{role="rig",result="failed",reason="trap"} 1`,
		`rerig_job_phase_seconds_bucket{role="rig",phase="queue",le="1"} 0`, `rerig_job_phase_seconds_bucket{role="rig",phase="staging",le="0.05"}`,
		`rerig_job_phase_seconds_bucket{role="rig",phase="run",le="+Inf"}`, `reason="other"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s:\n%.3000s", want, got)
		}
	}
	if n := strings.Count(got, "rerig_jobs_ended_total{"); n > maxEnds+3 {
		t.Errorf("%d ways to end", n)
	}
	(*Jobs)(nil).See(&protocol.Record{}, at)
}

// TestServer: addresses, what is answered, and to whom.
func TestServer(t *testing.T) {
	for text, want := range map[string]string{"9464": "127.0.0.1:9464", ":9464": "127.0.0.1:9464", "localhost:1": "127.0.0.1:1", "0.0.0.0:1": "0.0.0.0:1", "[::1]:2": "[::1]:2"} {
		if got, err := Address(text); err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "rigs.example:9464", "1.2.3.4", "127.0.0.1:x"} {
		if got, err := Address(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
	why := []Reason{{"chain", "no endpoint answers"}}
	s, err := Listen(Config{Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler), Ready: func(context.Context) []Reason { return why },
		Fill: func(_ context.Context, p *Page) error { p.Add(&dropped, "0"); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(method, path, host, accept string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Accept", accept)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for _, c := range []struct {
		method, path, host, accept string
		code                       int
		says                       string
	}{{"GET", "/healthz", "", "", 200, "ok\n"}, {"GET", "/readyz", "", "", 503, "chain: no endpoint answers\n"},
		{"GET", "/readyz", "localhost:1", "application/json", 503, `{"ready":false,"reasons":[{"code":"chain","text":"no endpoint answers"}]}` + "\n"},
		{"GET", "/metrics", "", "", 200, "# TYPE rerig_metrics_dropped gauge\n"}, {"GET", "/metrics", "evil.example", "", 403, "loopback"},
		{"POST", "/metrics", "", "", 405, ""}, {"GET", "/v1/node", "", "", 404, ""}} {
		if code, body := ask(c.method, c.path, c.host, c.accept); code != c.code || !strings.Contains(body, c.says) {
			t.Errorf("%s %s of %q is %d %q", c.method, c.path, c.host, code, body)
		}
	}
	why = nil
	if code, body := ask("GET", "/readyz", "", "application/json"); code != 200 || body != `{"ready":true,"reasons":[]}`+"\n" {
		t.Errorf("ready is %d %q", code, body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

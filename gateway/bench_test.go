package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rerig/rerig/engine/serve"
	"github.com/rerig/rerig/models/jargon"
)

// timed is one stream as its client sees it.
type timed struct{ first, whole, gap time.Duration }

// watch asks for a stream and times its events.
func watch(web *http.Client, url, body string) (t timed, events int, err error) {
	begun := time.Now()
	res, err := web.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return t, 0, err
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	last := begun
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return t, events, err
		}
		if !strings.HasPrefix(line, "data: {") {
			continue
		}
		if strings.Contains(line, `"error"`) {
			return t, events, fmt.Errorf("a stream ends with %s", line)
		}
		now := time.Now()
		if events++; events == 1 {
			t.first = now.Sub(begun)
		} else {
			t.gap = max(t.gap, now.Sub(last))
		}
		last = now
	}
	t.whole = time.Since(begun)
	return t, events, nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// benchModel names the model of a process of its own that serves it, for BenchmarkGateway.
const benchModel = "RERIG_BENCH_MODEL"

// serveModel serves a model until its input ends, and tells where on its output.
func serveModel(path string) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whoever started it is gone, or has enough
		cancel()
	}()
	if err := serve.Run(ctx, serve.Config{Model: path, Name: "jargon", Listen: "127.0.0.1:0", Threads: 1,
		Ready: func(a net.Addr) { fmt.Println(a) }}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// apart is a rig that computes the embedded model in a process of its own, as rigs do.
func (m *fakeMarket) apart(b *testing.B) *fakeRig {
	b.Helper()
	path := filepath.Join(b.TempDir(), "jargon.gguf")
	if err := os.WriteFile(path, jargon.GGUF(), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), benchModel+"="+path), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return m.add(1, strings.TrimSpace(address))
}

// longest is a request for as many tokens as asked for, which the model really makes: of several
// seeds the first whose answer does not end before.
func longest(b *testing.B, web *http.Client, url string, tokens int) (body string) {
	b.Helper()
	for seed := range 200 {
		body = fmt.Sprintf(`{"model":"jargon","prompt":"A hacker is","temperature":1,"seed":%d,"max_tokens":%d,"stream":true}`, seed, tokens)
		_, events, err := watch(web, url, body)
		if err != nil {
			b.Fatal(err)
		}
		if events >= tokens {
			return body
		}
	}
	b.Fatalf("no answer has %d tokens", tokens)
	return ""
}

// BenchmarkGateway compares a model server called directly with the same one called through
// the gateway, in turns: answers of 200 tokens of the embedded model, which another process
// computes, over loopback, with a session open.
func BenchmarkGateway(b *testing.B) {
	const tokens = 200
	m := &fakeMarket{}
	rig := m.apart(b)
	c := begin(b, m, func(c *Config) { c.Budget = usual })
	direct := &http.Client{Transport: &http.Transport{}}
	defer direct.CloseIdleConnections()
	body := longest(b, direct, "http://"+rig.address+"/v1/completions", tokens)
	var times [2][]timed
	bases := []string{"http://" + rig.address, c.base}
	for i := range b.N + 1 {
		for turn := range bases {
			j := (i + turn) % 2 // each is first as often as the other
			t, events, err := watch([]*http.Client{direct, c.web}[j], bases[j]+"/v1/completions", body)
			if err != nil || events < tokens {
				b.Fatalf("%d events, %v", events, err)
			}
			if i > 0 { // the first opens the session
				times[j] = append(times[j], t)
			}
		}
	}
	of := func(j int, f func(timed) time.Duration) time.Duration {
		var list []time.Duration
		for _, t := range times[j] {
			list = append(list, f(t))
		}
		return median(list)
	}
	whole := func(t timed) time.Duration { return t.whole }
	first := func(t timed) time.Duration { return t.first }
	b.ReportMetric(of(0, whole).Seconds()/of(1, whole).Seconds(), "tokens-ratio")
	b.ReportMetric(max(0, millis(of(1, first)-of(0, first))), "ttft-added-ms")
	b.ReportMetric(tokens/of(0, whole).Seconds(), "direct-tokens/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStreams holds 200 streams at once, each a token every 10 ms, and tells how many
// came whole and what memory they took.
func BenchmarkStreams(b *testing.B) {
	const streams, tokens = 200, 100
	m := &fakeMarket{}
	rig := m.rig(b, 1, scripted(func(w http.ResponseWriter, r *http.Request) {
		for range tokens {
			fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n")
			http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
		says(w, `{}`)
	}))
	rig.offer.Model.Context = 4096
	c := begin(b, m, func(c *Config) { c.Budget = usual })
	c.web.Transport.(*http.Transport).MaxIdleConnsPerHost = streams
	for range b.N {
		runtime.GC()
		var before, during runtime.MemStats
		runtime.ReadMemStats(&before)
		var mu sync.Mutex
		var wg sync.WaitGroup
		held := 0
		for range streams {
			wg.Go(func() {
				_, events, err := watch(c.web, c.base+"/v1/chat/completions", `{`+chat+`,"max_tokens":200,"stream":true}`)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && events >= tokens {
					held++
				}
			})
		}
		time.Sleep(500 * time.Millisecond) // all are under way
		runtime.ReadMemStats(&during)
		wg.Wait()
		b.ReportMetric(float64(held), "streams")
		b.ReportMetric(float64(int64(during.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MiB")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFailover is the longest pause that a client sees between two tokens when its rig
// breaks off in the middle and another one goes on.
func BenchmarkFailover(b *testing.B) {
	m, cut, _ := pair(b)
	c := begin(b, m, nil)
	body := `{` + prompt + `,"max_tokens":40,"stream":true}`
	var gaps []time.Duration
	for i := range b.N + 1 {
		cut.events.Store(10)
		c.g.rigs.forgive()
		t, _, err := watch(c.web, c.base+"/v1/completions", body)
		if err != nil {
			b.Fatal(err)
		}
		if i > 0 { // the first opens the sessions
			gaps = append(gaps, t.gap)
		}
	}
	b.ReportMetric(millis(median(gaps)), "failover-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkBatch answers a batch of 400 requests by one rig and by four, each a scripted server
// that takes 20 ms and 4 requests at once, as computing would.
func BenchmarkBatch(b *testing.B) {
	rate := func(rigs int) float64 {
		m := &fakeMarket{}
		for i := range rigs {
			room := make(chan struct{}, sharedSlots)
			m.rig(b, byte(i+1), scripted(func(w http.ResponseWriter, _ *http.Request) {
				room <- struct{}{}
				time.Sleep(20 * time.Millisecond)
				<-room
				io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"text\":\"x\",\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
			}))
		}
		c := begin(b, m, nil)
		defer c.stop()
		var lines []string
		for i := range 400 {
			lines = append(lines, requestLine(fmt.Sprint(i), `{"model":"jargon","prompt":"a"}`))
		}
		input, begun := c.put(lines...), time.Now()
		done := c.until(c.batch(input, "/v1/completions"), (*batch).over)
		if done.Counts.Completed != len(lines) {
			b.Fatalf("%+v", done)
		}
		return float64(len(lines)) / time.Since(begun).Seconds()
	}
	for range b.N {
		one, two, four := rate(1), rate(2), rate(4)
		b.ReportMetric(two/one, "gain-2")
		b.ReportMetric(four/one, "gain-4")
	}
	b.ReportMetric(0, "ns/op")
}

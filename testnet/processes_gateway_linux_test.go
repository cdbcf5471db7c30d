package testnet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// The OpenAI API of `rerig serve`, answered by processes of the built binary that serve the
// embedded model.
func TestGateway(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"answers and pays", gatewayAnswers},
		{"the serving rig is killed", gatewayFailover},
		{"who may use it", gatewayKeys},
		{"the recipe batch", gatewayBatch},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// gateway starts rigs that serve the model at one base unit for a unit, and a gateway.
func (s *scene) gateway(tick int, names ...string) (url string, gate *command, bob *member, rigs []*member, ups []*command) {
	s.t.Helper()
	model := s.gguf("jargon")
	bob = s.buyer("bob")
	for _, name := range names {
		rig := s.rig(name)
		rig.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByGvisor}
		up, _ := s.serves(bob, rig, "--serve", fmt.Sprintf("jargon=%s,price=%s,tick=%d", model, servedPrice, tick))
		rigs, ups = append(rigs, rig), append(ups, up)
	}
	gate = s.start(bob, "serve", "--listen", "127.0.0.1:0", "--budget", "0.5")
	return s.base(gate), gate, bob, rigs, ups
}

// base is where a gateway answers, without /v1.
func (s *scene) base(gate *command) (url string) {
	s.t.Helper()
	s.until("the gateway answers", func() (bool, error) {
		if gate.ended() {
			return false, fmt.Errorf("it ended with %d:\n%s", gate.code, gate.log)
		}
		line, whole := strings.CutSuffix(gate.out.String(), "/v1\n")
		url = line
		return whole, nil
	})
	return url
}

// completes asks a gateway and reads the answer.
func (s *scene) completes(url, body string, header ...string) (int, http.Header, []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.ctx, http.MethodPost, url, strings.NewReader(body))
	s.must(err)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	s.must(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	s.must(err)
	for name, values := range res.Trailer {
		res.Header[name] = values
	}
	return res.StatusCode, res.Header, raw
}

const twelve = `{"model":"jargon","prompt":"A hacker is","temperature":0,"max_tokens":12`

// gatewayAnswers: what the rigs compute arrives, and its price is what the rig earns.
func gatewayAnswers(s *scene) {
	url, gate, bob, rigs, _ := s.gateway(64, "alice")
	var paid protocol.Amount
	for _, body := range []string{twelve + `}`, twelve + `,"stream":true}`, twelve + `}`} {
		status, header, raw := s.completes(url+"/v1/completions", body)
		cost, err := protocol.ParseUnits(strings.TrimSuffix(header.Get("X-Rerig-Cost"), " tUSDC"), 6)
		if status != http.StatusOK || err != nil || header.Get("X-Rerig-Rig") != rigs[0].key.Address().String() {
			s.t.Fatalf("%d %v %v %s", status, header, err, raw)
		}
		if text := strings.TrimSuffix(greedy, "\n"); !strings.Contains(body, "stream") && !strings.Contains(string(raw), text) {
			s.t.Errorf("it says %s", raw)
		}
		paid, err = paid.Add(cost)
		s.must(err)
	}
	status, _, raw := s.completes(url+"/v1/completions", `{"model":"jargon","prompt":"a","max_tokens":1000000000}`)
	if status != http.StatusOK {
		s.t.Errorf("as many tokens as there are: %d %s", status, raw)
	}
	var v struct {
		Usage struct{ Prompt, Completion uint64 }
	}
	_ = json.Unmarshal(raw, &v)
	runs, err := s.api(bob).Runs(s.ctx)
	s.must(err)
	if len(runs) != 1 || runs[0].Attempt != 1 {
		s.t.Errorf("four requests made %d runs", len(runs))
	}
	gate.finish(syscall.SIGINT, 0)
	spent := s.bought(bob)[0].Job.Paid
	if most, err := paid.Add(protocol.NewAmount(280)); err != nil || spent.IsZero() || most.Less(spent) { // the fourth has 256 tokens at most
		s.t.Errorf("three answers cost %s by their headers, with the fourth the session cost %s", paid, spent)
	}
	s.same("what the rig was promised", s.earned(rigs[0]), spent)
	if !strings.Contains(gate.log.String(), "200 completions jargon") || !strings.Contains(gate.log.String(), "spent "+spent.Units(6)) {
		s.t.Errorf("the gateway says\n%s", gate.log)
	}
}

// gatewayFailover: a rig is killed while it answers many, and every answer goes on elsewhere, to
// the letter.
func gatewayFailover(s *scene) {
	url, gate, _, rigs, ups := s.gateway(64, "alice", "carol")
	body := `{"model":"jargon","prompt":"A hacker is","temperature":0,"max_tokens":100,"stream":true,"stream_options":{"include_usage":true}}`
	_, _, whole := s.completes(url+"/v1/completions", body)
	want, alone := spokenIn(s, whole)
	const streams = 40
	first := make(chan string, streams) // the rigs of streams that have begun
	moved := make(chan bool, streams)
	for range streams {
		go func() { moved <- s.follow(url, body, want, alone, first) }()
	}
	var killed string
	select {
	case killed = <-first:
	case <-s.ctx.Done():
		s.t.Fatal("no answer has begun")
	}
	for i, rig := range rigs {
		if rig.key.Address().String() == killed {
			ups[i].signal(syscall.SIGSTOP) // at once: to kill it takes a look at all its children
			ups[i].kill()
			defer s.up(rig) // it clears up what it left
		}
	}
	n := 0
	for range streams {
		if <-moved {
			n++
		}
	}
	if n == 0 {
		s.t.Error("no answer was under way at the rig that was killed")
	}
	gate.finish(syscall.SIGINT, 0)
}

// follow reads one stream that must say what it says alone, and reports whether another rig
// ended it than began it.
func (s *scene) follow(url, body, want string, alone lastChunk, first chan<- string) (moved bool) {
	r, err := http.NewRequestWithContext(s.ctx, http.MethodPost, url+"/v1/completions", strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Error(err)
		return false
	}
	defer res.Body.Close()
	rig := res.Header.Get("X-Rerig-Rig")
	first <- rig
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Errorf("%s, %v: %s", res.Status, err, raw)
		return false
	}
	got, last := spokenIn(s, raw)
	if got != want || last.Usage != alone.Usage {
		s.t.Errorf("with its rig killed it says\n%q, else\n%q; %+v", got, want, last)
	}
	return last.Bill.Rig != rig
}

// lastChunk is the chunk with the usage.
type lastChunk struct {
	Usage struct {
		Completion int `json:"completion_tokens"`
	}
	Bill struct{ Rig string } `json:"rerig"`
}

// spokenIn joins the texts of a stream.
func spokenIn(s *scene, raw []byte) (said string, last lastChunk) {
	s.t.Helper()
	for line := range bytes.Lines(raw) {
		data, ok := bytes.CutPrefix(line, []byte("data: {"))
		if !ok {
			continue
		}
		var c struct {
			Choices []struct{ Text string }
			Error   any
			lastChunk
		}
		if err := json.Unmarshal(append([]byte("{"), data...), &c); err != nil {
			s.t.Error(err)
		}
		if c.Error != nil {
			s.t.Errorf("a stream ends with %s", line)
		}
		for _, one := range c.Choices {
			said += one.Text
		}
		last = c.lastChunk
	}
	return said, last
}

// gatewayKeys: beyond this machine it starts with keys only, and asks for them.
func gatewayKeys(s *scene) {
	bob := s.buyer("bob")
	c := s.start(bob, "serve", "--listen", "0.0.0.0:0")
	c.exits(2)
	c.says("rerig serve key add")
	add := s.start(bob, "serve", "key", "add", "--rpm", "100", "--budget", "0.1", "carol")
	add.exits(0)
	secret := strings.TrimSpace(add.out.String())
	s.start(bob, "serve", "key", "add", "carol").exits(2)
	ls := s.start(bob, "serve", "key", "ls")
	ls.exits(0)
	if got := ls.out.String(); got != "carol\t0.1 tUSDC, 100 requests a minute\n" {
		s.t.Errorf("key ls says %q", got)
	}
	info, err := os.Stat(bob.config.DataDir + "/gateway/keys")
	if err != nil || info.Mode().Perm() != 0o600 {
		s.t.Errorf("%v %v", info, err)
	}
	elsewhere := filepath.Join(s.dir, "keys")
	s.must(os.Rename(bob.config.DataDir+"/gateway/keys", elsewhere))
	gate := s.start(bob, "serve", "--listen", "127.0.0.1:0", "--keys", elsewhere, "--host", "api.test")
	url := s.base(gate)
	for host, want := range map[string]int{"api.test": http.StatusUnauthorized, "evil.test": http.StatusForbidden} {
		req, err := http.NewRequest(http.MethodGet, url+"/v1/models", nil)
		s.must(err)
		req.Host = host
		res, err := http.DefaultClient.Do(req)
		s.must(err)
		res.Body.Close()
		if res.StatusCode != want {
			s.t.Errorf("asked as %s it answers %d, want %d", host, res.StatusCode, want)
		}
	}
	if status, _, raw := s.completes(url+"/v1/completions", twelve+`}`); status != http.StatusUnauthorized {
		s.t.Errorf("without a key: %d %s", status, raw)
	}
	if status, _, raw := s.completes(url+"/v1/completions", twelve+`}`, "Authorization", "Bearer "+secret); status != http.StatusNotFound {
		s.t.Errorf("with a key, and nobody serving: %d %s", status, raw)
	}
	other := s.start(bob, "serve", "--listen", "127.0.0.1:0")
	other.exits(1)
	other.says("only one")
	gate.finish(syscall.SIGINT, 0)
}

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
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/models"
	"github.com/rerig/rerig/protocol"
)

// Served models, bought and sold by processes of the built binary (SPEC §5.6).
func TestServed(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"sold by the token", servedBought},
		{"one makes room for another", servedSwap},
		{"what is not served", servedRefused},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// servedPrice is that of the scenes: with it a unit costs one base unit.
const servedPrice = "1"

// gguf writes the embedded model under a name of its own, and so with a CID of its own.
func (s *scene) gguf(name string) string {
	s.t.Helper()
	raw, key := bytes.Clone(jargon.GGUF()), []byte("general.name")
	at := bytes.Index(raw, key) + len(key) + 4 + 8 // behind its type and length
	copy(raw[at:], name[:1])
	path := filepath.Join(s.dir, name+".gguf")
	s.must(os.WriteFile(path, raw, 0o600))
	return path
}

// serves starts a rig with models and waits until they are on the market.
func (s *scene) serves(at, rig *member, flags ...string) (up *command, list map[string]protocol.Served) {
	s.t.Helper()
	up = s.up(rig, flags...)
	list = map[string]protocol.Served{}
	want := strings.Count(strings.Join(flags, " "), ".gguf")
	market := s.api(at)
	s.until(rig.name+" serves its models", func() (bool, error) {
		found, err := market.Market(s.ctx, protocol.Filter{})
		if i := slices.IndexFunc(found.Offers, func(o node.MarketOffer) bool { return o.Rig == rig.key.Address() }); err == nil && i >= 0 {
			for _, m := range found.Offers[i].Models {
				list[m.Name] = m
			}
		}
		return err == nil && len(list) == want, nil
	})
	return up, list
}

// talk is a session, and HTTP over it.
type talk struct {
	*client.Session
	s     *scene
	http  *http.Client
	units uint64 // by the answers' usage
	mu    sync.Mutex
}

func (s *scene) talk(api *client.Client, rig *member, m protocol.Served) *talk {
	s.t.Helper()
	session, err := api.OpenSession(s.ctx, client.SessionOrder{Model: m.CID, Rig: rig.key.Address(), Budget: protocol.NewAmount(100_000), Life: 10 * time.Minute})
	s.must(err)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return session.Dial(ctx) }}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &talk{Session: session, s: s, http: &http.Client{Transport: transport}}
}

// ask sends a request, tells the node what the answer's usage comes to, and returns the answer.
func (k *talk) ask(path, body string) []byte {
	resp, err := k.http.Post("http://model"+path, "application/json", strings.NewReader(body))
	if err != nil {
		k.s.t.Errorf("%s: %v", path, err)
		return nil
	}
	defer resp.Body.Close()
	var got []byte
	buf := make([]byte, 4096)
	for err == nil {
		var n int
		n, err = resp.Body.Read(buf)
		got = append(got, buf[:n]...)
		// A stream's chunks are a token each, which will be paid for; of its prompt the usage tells.
		if derr := k.Delivered(k.s.ctx, k.told()+uint64(bytes.Count(got, []byte("data: ")))); derr != nil {
			k.s.t.Error(derr)
		}
	}
	if !errors.Is(err, io.EOF) || resp.StatusCode != http.StatusOK {
		k.s.t.Errorf("%s: %s %.300s, %v", path, resp.Status, got, err)
		return got
	}
	for line := range bytes.Lines(got) {
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
			k.s.t.Error(err)
		}
		k.mu.Lock()
		k.units += protocol.TokenUnits(v.Usage.Prompt-v.Usage.Details.Cached, v.Usage.Completion)
		k.mu.Unlock()
	}
	if err := k.Delivered(k.s.ctx, k.told()); err != nil {
		k.s.t.Error(err)
	}
	return got
}

func (k *talk) told() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.units
}

// servedBought: on a rig of each kind of sandbox the model is on the market with its name,
// context and price; two sessions at once ask all that it answers, are paused for payment on
// the way, and are billed what the usage comes to.
func servedBought(s *scene) {
	bob := s.buyer("bob")
	api := s.api(bob)
	for name, held := range map[string]string{"alice": node.HeldByGvisor, "carol": node.HeldByNamespaces} {
		rig := s.rig(name)
		rig.env = []string{"RERIG_UP_CONTAINERS=" + held, "RERIG_UP_SERVE=jargon=" + s.gguf("jargon") + ",price=" + servedPrice + ",tick=40"}
		up, list := s.serves(bob, rig)
		s.until(name+" serves jargon", func() (bool, error) {
			found, err := api.Market(s.ctx, protocol.Filter{Model: "jargon"})
			i := slices.IndexFunc(found.Offers, func(o node.MarketOffer) bool { return o.Rig == rig.key.Address() && len(o.Models) == 1 })
			if i >= 0 {
				list["jargon"] = found.Offers[i].Models[0]
			}
			return err == nil && i >= 0, nil
		})
		if m := list["jargon"]; m.Context != 256 || m.PerMillion != protocol.NewAmount(1_000_000) || m.Tick != 40 {
			s.t.Errorf("%s offers %+v", name, m)
		}
		up.says("serving model")
		up.says("context=256")
		ls := s.start(bob, "market", "ls")
		ls.exits(0)
		if out := ls.out.String(); !strings.Contains(out, "PRICE/M TOKENS") || !strings.Contains(out, list["jargon"].CID) {
			s.t.Errorf("the market shows\n%s", out)
		}
		before, err := api.Market(s.ctx, protocol.Filter{})
		s.must(err)
		talks := []*talk{s.talk(api, rig, list["jargon"]), s.talk(api, rig, list["jargon"])}
		var both sync.WaitGroup
		for _, k := range talks {
			both.Go(func() {
				for range 2 {
					k.ask("/v1/chat/completions", `{"model":"jargon","messages":[{"role":"user","content":"What is a kluge?"}],"max_tokens":12,"temperature":0}`)
					got := k.ask("/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":12,"temperature":0}`)
					if text, err := json.Marshal(strings.TrimSuffix(greedy, "\n")); err != nil || !bytes.Contains(got, text) {
						s.t.Errorf("%s completes with %s, want %s", name, got, text)
					}
					got = k.ask("/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":150,"temperature":0,"stream":true,"stream_options":{"include_usage":true}}`)
					if !bytes.HasSuffix(got, []byte("data: [DONE]\n\n")) {
						s.t.Errorf("%s ends a stream with %.100s", name, got[max(0, len(got)-100):])
					}
					k.ask("/v1/embeddings", `{"model":"jargon","input":["A hacker is","one that hacks"]}`)
				}
			})
		}
		both.Wait()
		var want, paid []uint64
		for _, k := range talks {
			s.must(k.Close(s.ctx))
			want = append(want, k.told())
		}
		jobs, err := s.api(rig).Jobs(s.ctx)
		s.must(err)
		for _, rec := range jobs {
			if rec.Job.Paid != protocol.NewAmount(rec.Job.Units) {
				s.t.Errorf("%s was paid %s for %d units", name, rec.Job.Paid, rec.Job.Units)
			}
			paid = append(paid, rec.Job.Units)
		}
		slices.Sort(want)
		if slices.Sort(paid); !slices.Equal(want, paid) || want[0] == 0 {
			s.t.Errorf("%s bills %v units, the usage comes to %v", name, paid, want)
		}
		after, err := api.Market(s.ctx, protocol.Filter{})
		s.must(err)
		if a, b := len(before.Offers), len(after.Offers); a != b {
			s.t.Errorf("%d offers before, %d after", a, b)
		}
		s.same("what "+name+" was promised", s.earned(rig), s.collect(rig, bob))
	}
}

// servedSwap: with memory for one of two models each makes room for the other, by turns.
func servedSwap(s *scene) {
	alice, bob := s.rig("alice"), s.buyer("bob")
	alice.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByNamespaces}
	up, list := s.serves(bob, alice, "--model-memory", "700", "--serve", "one="+s.gguf("one")+",price="+servedPrice, "--serve", "two="+s.gguf("two")+",price=2")
	if list["two"].PerMillion != protocol.NewAmount(2_000_000) || list["one"].Tick != 256 {
		s.t.Errorf("the offer has %+v", list)
	}
	api := s.api(bob)
	one, two := s.talk(api, alice, list["one"]), s.talk(api, alice, list["two"])
	for range 2 {
		for name, k := range map[string]*talk{"one": one, "two": two} {
			k.ask("/v1/completions", fmt.Sprintf(`{"model":%q,"prompt":"A hacker is","max_tokens":12,"temperature":0}`, name))
		}
	}
	up.says("model unloaded")
	var r struct{ Models []models.Status }
	s.ask(alice, &r, "ps")
	if len(r.Models) != 2 || r.Models[0].Swaps+r.Models[1].Swaps < 3 || r.Models[0].LoadMillis == 0 || r.Models[0].Sessions != 1 {
		s.t.Errorf("the rig shows %+v", r.Models)
	}
	loaded := 0
	for _, m := range r.Models {
		if m.State == "loaded" {
			loaded++
		}
		if max(m.SwapMillis, m.UnloadMillis) == 0 {
			s.t.Errorf("model %s has no times: %+v", m.Name, m)
		}
	}
	if loaded != 1 {
		s.t.Errorf("%d models are loaded with memory for one", loaded)
	}
	table := s.start(alice, "ps")
	table.exits(0)
	if out := table.out.String(); !strings.Contains(out, "SWAPS") || !strings.Contains(out, "one") {
		s.t.Errorf("ps shows\n%s", out)
	}
	s.crash(up)
	s.until("the model is loaded again", func() (bool, error) {
		s.ask(alice, &r, "ps")
		i := slices.IndexFunc(r.Models, func(m models.Status) bool { return m.Crashes == 1 })
		return i >= 0 && r.Models[i].State == "loaded", nil
	})
	for name, k := range map[string]*talk{"one": one, "two": two} {
		k.ask("/v1/completions", fmt.Sprintf(`{"model":%q,"prompt":"A hacker is","max_tokens":12,"temperature":0}`, name))
	}
	s.must(one.Close(s.ctx))
	s.must(two.Close(s.ctx))
}

// crash kills the one server that a rig has loaded.
func (s *scene) crash(up *command) {
	s.t.Helper()
	for _, p := range offspring(up.cmd.Process.Pid) {
		pid, _, _ := strings.Cut(p, " ")
		line, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline")) // it may be gone
		if bytes.HasPrefix(line, []byte("/rerig-model\x00serve\x00")) {
			n, err := strconv.Atoi(pid)
			s.must(err)
			s.must(syscall.Kill(n, syscall.SIGKILL))
			return
		}
	}
	s.t.Fatal("the rig has no server")
}

// servedRefused: the limits by their names, and a file that is no model is not offered.
func servedRefused(s *scene) {
	alice, bob := s.rig("alice"), s.buyer("bob")
	alice.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByNamespaces}
	file := s.gguf("one")
	refused := func(want string, flags ...string) {
		s.t.Helper()
		c := s.start(alice, append([]string{"up"}, flags...)...)
		c.what = "refused up" // which the scene's end does not mind
		if c.wait(); c.code == 0 {
			s.t.Errorf("%v is taken", flags)
		}
		c.says(want)
	}
	var five []string
	for i := range 5 {
		five = append(five, "--serve", fmt.Sprintf("m%d=%s", i, file))
	}
	refused("room for 4", five...)
	refused("NAME=FILE", "--serve", file)
	refused("price", "--serve", "one="+file+",price=free")
	refused("tick", "--serve", "one="+file+",tick=0")
	refused("two models", "--serve", "one="+file, "--serve", "one="+file)
	refused("no file", "--serve", "one="+file+".gone")
	refused("--model-memory", "--serve", "one="+file, "--model-memory", "100")
	refused("--containers", "--serve", "one="+file, "--containers", "off")

	page := filepath.Join(s.dir, "page.gguf")
	s.must(os.WriteFile(page, []byte("<html>"), 0o600))
	up := s.up(alice, "--serve", "page="+page)
	s.until("the rig says that it is none", func() (bool, error) {
		return strings.Contains(up.log.String(), "model page is not served"), nil
	})
	s.listed(bob, alice)
	found, err := s.api(bob).Market(s.ctx, protocol.Filter{})
	s.must(err)
	if len(found.Offers) != 1 || len(found.Offers[0].Models) != 0 {
		s.t.Errorf("what is no model is offered: %+v", found.Offers)
	}
}

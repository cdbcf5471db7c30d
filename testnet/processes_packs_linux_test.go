package testnet_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware/rigtest"
	"github.com/rerig/rerig/node/models"
	"github.com/rerig/rerig/protocol"
)

// An engine pack with llama.cpp's own server, published by one node, fetched by two rigs and
// sold by the token (SPEC §5.11).
func TestPacks(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: llama.cpp's server is a package of Debian's; run it on Debian", tool)
		}
	}
	s := newSceneOf(t, build(t), realJobTime)
	bob := s.requester("bob")
	bob.env = []string{"XDG_DATA_HOME=" + s.shelf(), "PATH=" + os.Getenv("PATH")}
	s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	s.start(bob, "image", "build", "-t", "llama-server", "--suite", "forky", "--deb", "llama.cpp-tools", "--entrypoint", "llama-server").exits(0)
	publish := func(name string, flags ...string) (cid, file string) {
		t.Helper()
		file = filepath.Join(s.dir, name+".pack")
		c := s.start(bob, append([]string{"pack", "publish", name + ":1", "--image", "llama-server", "--file", file, "--parallel", "2"}, flags...)...)
		c.exits(0)
		return strings.TrimSpace(c.out.String()), file
	}
	cid, file := publish("llama", packCommand()...)
	shown := s.start(bob, "pack", "show", file)
	shown.exits(0)
	shown.shows("publisher  "+bob.key.Address().String(), "llama-server", "needs      cpu")
	packRefused(s, bob, cid, file)
	packFails(s, bob, publish)

	trusted := []string{"--engine-pack", cid, "--pack-publisher", bob.key.Address().String()}
	for name, held := range map[string]string{"alice": node.HeldByGvisor, "carol": node.HeldByNamespaces} {
		rig := s.rig(name)
		rig.env = []string{"RERIG_UP_CONTAINERS=" + held}
		up, list := s.serves(bob, rig, append(trusted, "--serve", "jargon="+s.gguf("jargon")+",price="+servedPrice+",tick=40,context=512")...)
		if m := list["jargon"]; m.Context != 256 || m.Tick != 40 { // the model was made for as many
			t.Errorf("%s offers %+v", name, m)
		}
		up.says("engine pack is here")
		packSold(s, bob, rig, list["jargon"])
		packDies(s, bob, rig, up, list["jargon"])
	}
	packGate(s, bob)
	packOnCard(s, bob, publish)
}

// packOnCard: on a machine that is read from a directory, models whose pack needs a card get one
// each, by turns where there is one for two; it is not sold while they have it, and free again
// when the rig ends. That the server computes there is not to be seen here.
func packOnCard(s *scene, bob *member, publish func(string, ...string) (cid, file string)) {
	s.t.Helper()
	machine := rigtest.RX580()
	machine.Cards = machine.Cards[:1]
	frank, root := s.rig("frank"), filepath.Join(s.dir, "machine")
	s.must(machine.Write(root))
	s.must(machine.Files(root)) // as root, as containers need it too
	frank.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByNamespaces}
	cid, _ := publish("vulkan", append(packCommand(), "--needs", "vulkan")...)
	up, list := s.serves(bob, frank, "--gpu-price", "36/h", "--sysroot", root, "--engine-pack", cid, "--pack-publisher", bob.key.Address().String(),
		"--serve", "one="+s.gguf("one")+",price="+servedPrice, "--serve", "two="+s.gguf("two")+",price="+servedPrice)
	api := s.api(bob)
	one, two := s.talk(api, frank, list["one"]), s.talk(api, frank, list["two"])
	for name, k := range map[string]*talk{"one": one, "two": two} {
		k.ask("/v1/completions", `{"prompt":"A hacker is","max_tokens":4,"temperature":0}`)
		var r struct{ Models []models.Status }
		s.ask(frank, &r, "ps")
		for _, m := range r.Models {
			if has := m.Card == "RX 580"; has != (m.Name == name) || has != (m.State == "loaded") || !has && m.State != "not loaded" {
				s.t.Errorf("after a request to %s: %+v", name, m)
			}
		}
		s.until("the card is not sold", func() (bool, error) {
			found, err := api.Market(s.ctx, protocol.Filter{})
			i := slices.IndexFunc(found.Offers, func(o node.MarketOffer) bool { return o.Rig == frank.key.Address() })
			return err == nil && i >= 0 && found.Offers[i].Hardware.Cards(0) == 0 && strings.Contains(up.log.String(), "is that of model "+name), nil
		})
		table := s.start(frank, "ps")
		table.exits(0)
		table.shows("CARD", "RX 580")
	}
	s.must(one.Close(s.ctx))
	s.must(two.Close(s.ctx))
	up.finish(syscall.SIGINT, 0)
	hardware := s.start(frank, "hardware", "--sysroot", root, "-o", "json")
	hardware.exits(0)
	if out := hardware.out.String(); strings.Contains(out, `"leased"`) || !strings.Contains(out, `"free"`) {
		s.t.Errorf("when the rig has ended its card is\n%s", out)
	}
}

// packCommand is llama-server's, and a conversation is no more than its text: so the answer is
// that to the text alone, which is known.
func packCommand() (flags []string) {
	for _, word := range []string{"--model", "{model}", "--alias", "{name}", "--host", "127.0.0.1", "--port", "{port}", "--ctx-size", "{contexts}", "--parallel", "{parallel}",
		"--no-kv-unified", "--cache-ram", "0", "--no-webui", "--offline", "--log-verbosity", "1", "--threads", "1", "--chat-template", "{% for m in messages %}{{ m.content }}{% endfor %}"} {
		flags = append(flags, "--arg="+word)
	}
	return flags
}

// packSold: two sessions at once have the answers of llama.cpp, which are those of Rerig's own
// engine, and are billed what the usage comes to, pauses for payment in between.
func packSold(s *scene, bob, rig *member, m protocol.Served) {
	s.t.Helper()
	api := s.api(bob)
	want, err := json.Marshal(strings.TrimSuffix(greedy, "\n"))
	s.must(err)
	talks := []*talk{s.talk(api, rig, m), s.talk(api, rig, m)}
	var both sync.WaitGroup
	for _, k := range talks {
		both.Go(func() {
			for range 2 {
				got := k.ask("/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":12,"temperature":0}`)
				if !bytes.Contains(got, want) {
					s.t.Errorf("%s completes with %s, want %s", rig.name, got, want)
				}
				got = k.ask("/v1/chat/completions", `{"model":"jargon","messages":[{"role":"user","content":"A hacker is"}],"max_tokens":12,"temperature":0}`)
				if !bytes.Contains(got, want) || !bytes.Contains(got, []byte(`"role":"assistant"`)) {
					s.t.Errorf("%s says %s, want %s", rig.name, got, want)
				}
				got = k.ask("/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":150,"temperature":0,"stream":true,"stream_options":{"include_usage":true}}`)
				if !bytes.HasSuffix(got, []byte("data: [DONE]\n\n")) || bytes.Contains(got, []byte("timings")) {
					s.t.Errorf("%s ends a stream with %.300s", rig.name, got[max(0, len(got)-300):])
				}
			}
		})
	}
	both.Wait()
	var sum uint64
	for _, k := range talks {
		s.must(k.Close(s.ctx))
		sum += k.told()
	}
	jobs, err := s.api(rig).Jobs(s.ctx)
	s.must(err)
	var units uint64
	for _, rec := range jobs {
		if units += rec.Job.Units; rec.Job.Paid != protocol.NewAmount(rec.Job.Units) {
			s.t.Errorf("%s was paid %s for %d units", rig.name, rec.Job.Paid, rec.Job.Units)
		}
	}
	if units != sum || sum == 0 {
		s.t.Errorf("%s bills %d units, the usage comes to %d", rig.name, units, sum)
	}
	s.same("what "+rig.name+" was promised", s.earned(rig), s.collect(rig, bob))
}

// packDies: the server is killed, and started again; the next request is answered.
func packDies(s *scene, bob, rig *member, up *command, m protocol.Served) {
	s.t.Helper()
	for _, p := range offspring(up.cmd.Process.Pid) {
		pid, _, _ := strings.Cut(p, " ")
		line, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline")) // it may be gone
		if bytes.HasPrefix(line, []byte("llama-server\x00")) {
			n, err := strconv.Atoi(pid)
			s.must(err)
			s.must(syscall.Kill(n, syscall.SIGKILL))
		}
	}
	if rig.name == "alice" { // gVisor's programs are no processes of the host's
		return
	}
	s.until("the server is started again", func() (bool, error) {
		var r struct{ Models []models.Status }
		s.ask(rig, &r, "ps")
		return len(r.Models) == 1 && r.Models[0].Crashes == 1 && r.Models[0].State == "loaded" && r.Models[0].Loads == 2 && r.Models[0].MemoryBytes > 0, nil
	})
	k := s.talk(s.api(bob), rig, m)
	k.ask("/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":2,"temperature":0}`)
	s.must(k.Close(s.ctx))
}

// packGate: `rerig serve` has what the pack's server says, and pays for it.
func packGate(s *scene, bob *member) {
	s.t.Helper()
	gate := s.start(bob, "serve", "--listen", "127.0.0.1:0", "--budget", "0.5")
	url := s.base(gate)
	text := strings.TrimSuffix(greedy, "\n")
	for _, body := range []string{twelve + `}`, `{"model":"jargon","messages":[{"role":"user","content":"A hacker is"}],"temperature":0,"max_tokens":12}`} {
		path := "/v1/completions"
		if strings.Contains(body, "messages") {
			path = "/v1/chat/completions"
		}
		status, header, raw := s.completes(url+path, body)
		cost, err := protocol.ParseUnits(strings.TrimSuffix(header.Get("X-Rerig-Cost"), " tUSDC"), 6)
		if status != http.StatusOK || err != nil || cost.IsZero() || !strings.Contains(string(raw), text) {
			s.t.Errorf("%s: %d %v %v %s", path, status, header, err, raw)
		}
	}
	gate.finish(syscall.SIGINT, 0)
}

// packRefused: a pack that nobody trusted signed, or of which a byte changed, is not run.
func packRefused(s *scene, bob *member, cid, file string) {
	s.t.Helper()
	dave := s.rig("dave")
	dave.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByNamespaces}
	model := "jargon=" + s.gguf("jargon")
	refused := func(want string, flags ...string) {
		s.t.Helper()
		c := s.start(dave, append([]string{"up"}, flags...)...)
		c.what = "refused up" // which the scene's end does not mind
		if c.wait(); c.code == 0 {
			s.t.Errorf("%v is taken", flags)
		}
		c.says(want)
	}
	raw, err := os.ReadFile(file)
	s.must(err)
	raw[bytes.Index(raw, []byte("--no-webui"))+5]++
	changed := filepath.Join(s.dir, "changed.pack")
	s.must(os.WriteFile(changed, raw, 0o600))
	own, other := bob.key.Address().String(), dave.key.Address().String()
	refused("signed by", "--serve", model, "--engine-pack", changed, "--pack-publisher", own)
	refused("whom --pack-publisher does not name", "--serve", model, "--engine-pack", file, "--pack-publisher", other)
	refused("--pack-publisher", "--serve", model, "--engine-pack", file)
	refused("--serve, which is missing", "--engine-pack", file, "--pack-publisher", own)
	refused("no file", "--serve", model, "--engine-pack", file+".gone", "--pack-publisher", own)
	refused("context is for --engine-pack", "--serve", model+",context=64")
	up := s.up(dave, "--serve", model, "--engine-pack", cid, "--pack-publisher", other)
	s.until("the rig says why it serves no model", func() (bool, error) {
		return strings.Contains(up.log.String(), "whom --pack-publisher does not name"), nil
	})
	up.finish(syscall.SIGINT, 0)
}

// packFails: a server that is never well, and an image that is none, are not offered.
func packFails(s *scene, bob *member, publish func(string, ...string) (cid, file string)) {
	s.t.Helper()
	erin := s.rig("erin")
	erin.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByNamespaces}
	fails := func(cid string, words ...string) {
		s.t.Helper()
		up := s.up(erin, "--serve", "jargon="+s.gguf("jargon"), "--engine-pack", cid, "--pack-publisher", bob.key.Address().String())
		for _, w := range words {
			s.until("the rig says "+w, func() (bool, error) { return strings.Contains(up.log.String(), w), nil })
		}
		up.finish(syscall.SIGINT, 0)
	}
	sick, _ := publish("sick", "--health", "/never", "--start-seconds", "2")
	fails(sick, "model jargon is not served", "its server is not well after 2s")
	ends, _ := publish("ends", "--arg=--model={model}", "--arg=--no-such-flag")
	fails(ends, "model jargon is not served", "exit code 1")
	none := filepath.Join(s.dir, "none")
	s.must(os.Mkdir(none, 0o700))
	s.must(os.WriteFile(filepath.Join(none, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o600))
	broken, _ := publish("broken", "--image", none)
	fails(broken, "no model is served", "image of pack broken 1")
}

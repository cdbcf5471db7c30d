//go:build unix

package testnet_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// tampering is a text in a file of this module, and what a deceiver puts in its place.
type tampering struct{ file, old, with string }

// badReceipt makes the third receipt one for output that nobody was sent.
var badReceipt = tampering{"node/provider/running.go",
	"func (s *session) sendReceipt(r protocol.Receipt) error {",
	"func (s *session) sendReceipt(r protocol.Receipt) error {\nif r.Seq == 3 { r.Output[0] ^= 1 }"}

// shortOffers makes offers live for three seconds.
var shortOffers = tampering{"node/discovery/discovery.go",
	"OfferLife: 15 * time.Minute, Refresh: 5 * time.Minute",
	"OfferLife: 3 * time.Second, Refresh: time.Second"}

// wrongAnswer changes a word of the output, and signs for it.
var wrongAnswer = tampering{"node/provider/outbox.go",
	"		chunk := b[:min(len(b), protocol.MaxOutputChunk)]\n",
	"		chunk := b[:min(len(b), protocol.MaxOutputChunk)]\nif len(chunk) >= 5 && string(chunk[:5]) == \"truth\" { chunk = append([]byte(\"fraud\"), chunk[5:]...) }\n"}

// Rigs that deceive here are processes of a binary that its owner has changed, and
// keep a real journal: the books of both sides are audited.
func TestDeceitfulProcesses(t *testing.T) {
	t.Parallel()
	binary, changed := build(t), buildChanged(t, badReceipt, shortOffers, wrongAnswer)
	for _, one := range []struct {
		about string
		play  func(s *scene, changed string)
	}{
		{"receipt for other output", receiptForOtherOutput},
		{"expired offer", expiredOffer},
		{"wrong answer", wrongAnswerIsProved},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary), changed)
		})
	}
}

// buildChanged makes the binary from this checkout with the changes.
func buildChanged(t *testing.T, changes ...tampering) string {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for i, c := range changes {
		place, err := filepath.Abs(filepath.Join("..", c.file))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(place)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), c.old) != 1 {
			t.Fatalf("%s is not as it was when the deceit was written: %q is not there once", c.file, c.old)
		}
		replace[place] = filepath.Join(dir, fmt.Sprint(i, ".go"))
		if err := os.WriteFile(replace[place], []byte(strings.Replace(string(text), c.old, c.with, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "rerig")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "../cmd/rerig")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// receiptForOtherOutput: the two ticks before it are paid and not a unit more, also
// when the deceiver is killed and comes back as an honest rig; another does the job.
func receiptForOtherOutput(s *scene, changed string) {
	crook, alice, bob := s.rig("crook"), s.rig("alice"), s.requester("bob")
	crook.binary = changed
	deceiver := s.up(crook)
	s.up(alice, "--price", "72/h")
	s.onMarket(crook, alice)
	c := s.run(bob, "--", "count", "40", "20")
	c.exits(0)
	c.says(string(protocol.ReasonBadReceipt))
	if got := c.out.String(); got != counted(40) {
		s.t.Errorf("output: %q", got)
	}
	bought := s.bought(bob)
	if len(bought) != 2 || bought[0].Job.Reason != protocol.ReasonBadReceipt || bought[0].Agreement.Rig != crook.key.Address() {
		s.t.Fatalf("attempts: %+v", bought)
	}
	honest := protocol.NewAmount(2 * tickPrice)
	s.same("promised to the deceiver", bought[0].Job.Paid, honest)
	s.idle(crook)
	s.same("in its journal", s.sold(crook).Job.Paid, honest)
	deceiver.kill()
	crook.binary = ""
	s.up(crook)
	s.same("it collects", s.collect(crook, bob), honest)
	s.same("alice collects", s.collect(alice, bob), bought[1].Job.Paid)
}

// wrongAnswerIsProved: a rig that signs for what the program does not print is found by doing
// the run again, and told from an honest one.
func wrongAnswerIsProved(s *scene, changed string) {
	crook, alice, bob := s.rig("crook"), s.rig("alice"), s.buyer("bob")
	crook.binary = changed
	s.up(crook)
	s.up(alice, "--price", "72/h")
	s.onMarket(crook, alice)
	c := s.run(bob, "--", "print", "truth")
	c.exits(0)
	if got := c.out.String(); got != "fraud\n" {
		s.t.Fatalf("the crook printed %q", got)
	}
	id := s.bought(bob)[0].Job.ID.String()
	papers := s.start(bob, "verify", id)
	papers.exits(0) // all that it says, it signed
	papers.shows("✓ output")
	again := s.start(bob, "verify", "--rerun", "--budget", "1", id)
	again.exits(1)
	again.shows("stdout of rig "+alice.key.Address().String()+" differs from byte 0 on", "one of the two rigs is at fault")
	here := s.start(bob, "verify", "--local", id)
	here.exits(1)
	here.shows("stdout of this machine's sandbox differs", "the rig "+crook.key.Address().String()+" signed for a result that the program does not give")
	s.run(bob, "--rig", alice.key.Address().String(), "--", "print", "truth").exits(0)
	bought := s.bought(bob)
	honest := s.start(bob, "verify", "--local", bought[len(bought)-1].Job.ID.String())
	honest.exits(0)
	honest.shows("done again, it gives the same bytes")
	s.same("alice collects", s.collect(alice, bob), s.earned(alice))
	s.same("the crook collects", s.collect(crook, bob), s.earned(crook))
}

// expiredOffer: a rig that was killed has withdrawn nothing. Its offer stands until it
// expires, and nobody hires by it afterwards or spends anything.
func expiredOffer(s *scene, changed string) {
	alice, bob := s.rig("alice"), s.requester("bob")
	alice.binary = changed
	rig := s.up(alice)
	s.onMarket(alice)
	s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	s.listed(bob, alice)
	s.run(bob, "--", "print", "while it is good").exits(0)
	before := s.has(bob)
	rig.kill()
	api := s.api(bob)
	s.until("the offer has expired", func() (bool, error) {
		found, err := api.Market(s.ctx, protocol.Filter{})
		return err == nil && len(found.Offers) == 0, err
	})
	c := s.run(bob, "--", "print", "too late")
	c.exits(125)
	c.says("no rig")
	s.same("after nothing was bought", s.has(bob), before)
	s.up(alice)
	s.listed(bob, alice)
	s.run(bob, "--", "print", "again").exits(0)
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}

package testnet_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/protocol"
)

// Language models, bought and sold by processes of the built binary (SPEC §5.1).
func TestModels(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"the same answer of every sandbox", modelAnswers},
		{"a private model", modelPrivate},
		{"what it refuses", modelRefuses},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// greedy is what the embedded model says after "A hacker is" in twelve tokens.
const greedy = " available at the mailer, which is\n"

// modelAnswers: one prompt and a batch, from a rig that holds its jobs under gVisor and from
// one that holds them in namespaces.
func modelAnswers(s *scene) {
	rigs, bob := s.pair()
	batch := filepath.Join(s.dir, "batch.jsonl")
	s.must(os.WriteFile(batch, []byte(`{"custom_id":"one","url":"/v1/completions","body":{"prompt":"A hacker is","max_tokens":12,"temperature":0}}
nonsense
{"custom_id":"two","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"A hacker is"}],"max_tokens":12,"temperature":0}}
`), 0o600))
	for _, rig := range rigs {
		if got := s.from(rig, bob, "--model", "jargon", "--", "complete", "-n", "12", "A hacker is"); got != greedy {
			s.t.Errorf("%s answers %q, want %q", rig.name, got, greedy)
		}
		out := filepath.Join(s.dir, rig.name+"-out")
		s.must(os.Mkdir(out, 0o700))
		c := s.start(bob, "run", "--rig", rig.key.Address().String(), "--model", "jargon", "--input", batch, "--out-dir", out, "--", "--jsonl", "batch.jsonl")
		c.exits(3)
		c.says("1 of 3 requests were not answered")
		raw, err := os.ReadFile(filepath.Join(out, "answers.jsonl"))
		s.must(err)
		text, err := json.Marshal(strings.TrimSuffix(greedy, "\n"))
		s.must(err)
		if got := string(raw); strings.Count(got, string(text)) != 2 || !strings.Contains(got, `"line 2: `) || strings.Count(got, "\n") != 3 {
			s.t.Errorf("%s answers the batch with\n%s", rig.name, got)
		}
		s.same("what the rig was promised", s.earned(rig), s.collect(rig, bob))
	}
}

// modelPrivate: a model of one's own travels sealed, is read in the sandbox, and leaves nothing
// readable with the rig.
func modelPrivate(s *scene) {
	alice, bob, _ := s.sandboxed()
	path := filepath.Join(s.dir, "own.gguf")
	s.must(os.WriteFile(path, jargon.GGUF(), 0o600))
	c := s.start(bob, "run", "--private", "--model", path, "--", "complete", "-n", "12", "A hacker is")
	c.exits(0)
	if got := c.out.String(); got != greedy {
		s.t.Errorf("the private model says %q, want %q", got, greedy)
	}
	for _, dir := range []string{"artifacts", "jobs"} {
		if where := holding(s.t, filepath.Join(alice.config.DataDir, dir), string(jargon.GGUF()[:4096])); len(where) > 0 {
			s.t.Errorf("the rig still holds the model: %s", where)
		}
	}
}

// modelRefuses: what is no model costs nothing, and what a model cannot answer has its own
// exit code.
func modelRefuses(s *scene) {
	_, bob, _ := s.sandboxed()
	damaged, page := filepath.Join(s.dir, "damaged.gguf"), filepath.Join(s.dir, "page.gguf")
	s.must(os.WriteFile(damaged, jargon.GGUF()[:len(jargon.GGUF())/2], 0o600))
	s.must(os.WriteFile(page, []byte("<html>"), 0o600))
	for _, path := range []string{damaged, page} {
		c := s.start(bob, "run", "--model", path, "--", "hello")
		c.exits(126)
		c.says("gguf")
		if rec := s.bought(bob)[0]; rec.Job.Reason != protocol.ReasonBadModule || !rec.Job.Paid.IsZero() {
			s.t.Errorf("%s ends by %s and costs %s", filepath.Base(path), rec.Job.Reason, rec.Job.Paid)
		}
	}
	c := s.start(bob, "run", "--model", "jargon", "--", "complete", strings.Repeat("hack ", 300))
	c.exits(3)
	c.says("the context is 256")
	s.start(bob, "run", "--model", "jargon", "--", "chat", "a", "b").exits(2)

	s.start(bob, "run", "--model", "jargon", "--input", page+"=model.gguf", "--", "hello").exits(2)
	s.start(bob, "run", "--model", filepath.Join(s.dir, "nobody.gguf"), "--", "hello").exits(2)
	s.start(bob, "run", "--model", "jargon").exits(2)
	s.start(bob, "run", "--private", "--public", "--model", "jargon", "--", "hello").exits(2)
	dry := s.start(bob, "run", "--model", "jargon", "--dry-run", "--", "hello")
	dry.exits(0)
	if !strings.Contains(dry.out.String(), "BUDGET BUYS") {
		s.t.Errorf("a dry run says\n%s", dry.out)
	}
}

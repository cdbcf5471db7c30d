package testnet_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rerig/rerig/node"
)

// gatewayBatch: the recipe's file of prompts has an answer to each, which is the one that the
// same request has when it is asked alone.
func gatewayBatch(s *scene) {
	if _, err := exec.LookPath("curl"); err != nil {
		s.t.Skip("needs curl: the recipe asks with it; install curl")
	}
	bob, rig := s.buyer("bob"), s.rig("alice")
	rig.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByGvisor}
	s.serves(bob, rig, "--serve", fmt.Sprintf("jargon=%s,price=%s,tick=64", s.gguf("jargon"), servedPrice))
	r := s.recipe(bob, "batch")
	r.once("Run it")

	answers := map[string]string{}
	at := made{rig: rig, dir: r.dir}
	for line := range strings.Lines(at.read(s, "results.jsonl")) {
		var a struct {
			ID       string `json:"custom_id"`
			Response struct {
				Status int `json:"status_code"`
				Body   completion
			}
		}
		s.must(json.Unmarshal([]byte(line), &a))
		if a.Response.Status != http.StatusOK || len(a.Response.Body.Choices) != 1 {
			s.t.Fatalf("an answer is %s", line)
		}
		answers[a.ID] = a.Response.Body.Choices[0].Text
	}
	gate := s.start(bob, "serve", "--listen", "127.0.0.1:0", "--budget", "0.5")
	url := s.base(gate) + "/v1/completions"
	prompts, err := os.ReadFile(filepath.Join(recipesDir, "batch", "prompts.jsonl"))
	s.must(err)
	asked := 0
	for line := range strings.Lines(string(prompts)) {
		var q struct {
			ID   string `json:"custom_id"`
			Body json.RawMessage
		}
		s.must(json.Unmarshal([]byte(line), &q))
		status, _, raw := s.completes(url, string(q.Body))
		var want completion
		s.must(json.Unmarshal(raw, &want))
		if asked++; status != http.StatusOK || len(want.Choices) != 1 || want.Choices[0].Text == "" || answers[q.ID] != want.Choices[0].Text {
			s.t.Errorf("%s is %q in the batch, alone %s", q.ID, answers[q.ID], raw)
		}
	}
	if first := strings.TrimSuffix(greedy, "\n"); asked != 10 || len(answers) != asked || !strings.HasPrefix(answers["prompt-0"], first) {
		s.t.Errorf("%d prompts have the answers %q", asked, answers)
	}
}

// completion is the part of an answer that has the text.
type completion struct {
	Choices []struct{ Text string }
}

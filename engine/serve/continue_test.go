package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestContinuesAnothersAnswer cuts streams at every chunk and lets a second server go on:
// what the two say together is what one says alone, also where the sampler draws, where a
// penalty looks back, and where a stop text lies across the cut.
func TestContinuesAnothersAnswer(t *testing.T) {
	first, second := begin(t, nil), begin(t, nil)
	for what, request := range map[string]string{
		"greedy":    `"prompt":"A hacker is","max_tokens":24,"temperature":0`,
		"seeded":    `"prompt":"A hacker is","max_tokens":24,"temperature":1.3,"seed":7,"frequency_penalty":0.5`,
		"stop text": `"prompt":"A hacker is","max_tokens":24,"temperature":0,"stop":["accepted to"]`,
		"chat":      `"messages":[{"role":"user","content":"A hacker is"}],"max_tokens":24,"temperature":0.8,"seed":3`,
	} {
		path := "/v1/completions"
		if what == "chat" {
			path = "/v1/chat/completions"
		}
		request = `{"model":"jargon","stream":true,` + request
		alone := pieces(t, first.stream(path, request+`,"return_token_ids":true}`))
		var whole strings.Builder
		for _, p := range alone {
			whole.WriteString(p.text)
		}
		var made []int
		said := ""
		for i, p := range alone[:len(alone)-1] {
			made, said = append(made, p.tokens...), said+p.text
			if len(made) == 0 {
				continue // the role
			}
			ids, err := json.Marshal(made)
			if err != nil {
				t.Fatal(err)
			}
			rest := said
			events := second.stream(path, request+`,"continue_token_ids":`+string(ids)+`}`)
			after := pieces(t, events)
			for _, q := range after {
				rest += q.text
			}
			if rest != whole.String() || after[len(after)-1].reason != alone[len(alone)-1].reason {
				t.Errorf("%s: cut after chunk %d it says %q, alone %q", what, i, rest, whole.String())
			}
		}
	}
}

// piece is a chunk's text and tokens.
type piece struct {
	text   string
	tokens []int
	reason string
}

func pieces(t *testing.T, events []string) (out []piece) {
	t.Helper()
	for _, e := range events[:len(events)-1] {
		var c struct {
			Choices []struct {
				Text   string
				Delta  struct{ Content string }
				Tokens []int  `json:"token_ids"`
				Reason string `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal([]byte(e), &c); err != nil || len(c.Choices) != 1 {
			t.Fatalf("%s: %v", e, err)
		}
		one := c.Choices[0]
		out = append(out, piece{one.Text + one.Delta.Content, one.Tokens, one.Reason})
	}
	return out
}

// TestContinuingRefuses what it cannot go on behind.
func TestContinuingRefuses(t *testing.T) {
	c := begin(t, nil)
	var ended struct{ Choices []struct{ Text string } }
	c.ask("/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":2,"temperature":0}`, &ended)
	for what, fields := range map[string]string{
		"a token that does not exist": `"continue_token_ids":[99999999]`,
		"a negative one":              `"continue_token_ids":[-1]`,
		"more than one answer":        `"continue_token_ids":[5],"n":2`,
		"echo":                        `"continue_token_ids":[5],"echo":true`,
		"tokens without a stream":     `"return_token_ids":true`,
		"more than the context":       fmt.Sprintf(`"continue_token_ids":[5%s]`, strings.Repeat(",5", 4096)),
	} {
		status, raw := c.post("/v1/completions", `{"model":"jargon","prompt":"A hacker is","max_tokens":2,`+fields+`}`)
		if status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, status, raw)
		}
	}
}

package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rerig/rerig/engine/batch"
)

// inputs are one text or list of tokens, or several.
type inputs struct {
	texts  []string
	tokens [][]int
}

func (in *inputs) UnmarshalJSON(raw []byte) error {
	var text string
	var tokens []int
	switch {
	case json.Unmarshal(raw, &text) == nil:
		in.texts = []string{text}
	case json.Unmarshal(raw, &in.texts) == nil:
	case json.Unmarshal(raw, &tokens) == nil:
		in.texts, in.tokens = nil, [][]int{tokens}
	default:
		in.texts = nil
		return json.Unmarshal(raw, &in.tokens)
	}
	return nil
}

// prompts returns the tokens of each input.
func (in *inputs) prompts(s *server, param string) ([][]int, error) {
	if len(in.texts)+len(in.tokens) > maxPrompts {
		return nil, bad(param, "%s has %d texts, the limit is %d", param, len(in.texts)+len(in.tokens), maxPrompts)
	}
	out := in.tokens
	for _, text := range in.texts {
		if err := s.mayFit(len(text), param); err != nil {
			return nil, err
		}
		out = append(out, s.tokens.Encode(text))
	}
	if len(out) == 0 {
		return nil, bad(param, "%s is missing or empty", param)
	}
	for _, prompt := range out {
		for _, token := range prompt {
			if token < 0 || token >= s.tokens.Size() {
				return nil, bad(param, "token %d is outside the vocabulary of %d", token, s.tokens.Size())
			}
		}
	}
	return out, nil
}

// mayFit refuses a text of so many bytes that its tokens cannot fit the context,
// before the work of counting them.
func (s *server) mayFit(bytes int, param string) error {
	if least := bytes / max(1, s.tokens.Longest()); least > s.config.Context {
		return &apiError{param: param, code: "context_length_exceeded",
			message: fmt.Sprintf("the text has more than %d tokens, the context is %d; shorten it", least, s.config.Context)}
	}
	return nil
}

// completeRequest are the fields of /v1/completions.
type completeRequest struct {
	sampling
	prompt    inputs
	maxTokens int
	logProbs  *int
	echo      bool
	bestOf    *int
	suffix    string
}

func (c *completeRequest) fields() params {
	p := c.sampling.fields()
	c.maxTokens = 16
	p["prompt"], p["max_tokens"], p["logprobs"] = &c.prompt, &c.maxTokens, &c.logProbs
	p["echo"], p["best_of"], p["suffix"] = &c.echo, &c.bestOf, &c.suffix
	return p
}

// job checks the request against the model.
func (c *completeRequest) job(s *server) (job, error) {
	j := job{n: c.n, stop: c.stop, max: c.maxTokens, logProbs: -1, param: "prompt"}
	if err := s.isOurs(c.model); err != nil {
		return j, err
	}
	switch {
	case c.maxTokens < 1:
		return j, bad("max_tokens", "max_tokens %d is less than 1", c.maxTokens)
	case c.suffix != "":
		return j, bad("suffix", "suffix is not supported by this model")
	case c.bestOf != nil && *c.bestOf != c.n:
		return j, bad("best_of", "best_of other than n is not supported here")
	case c.logProbs != nil && (*c.logProbs < 0 || *c.logProbs > batch.MaxLogProbs):
		return j, bad("logprobs", "logprobs %d is outside 0 to %d", *c.logProbs, batch.MaxLogProbs)
	case c.echo && c.logProbs != nil:
		return j, bad("echo", "echo with logprobs is not supported here")
	}
	if c.logProbs != nil {
		j.logProbs = *c.logProbs
	}
	var err error
	if j.options, err = c.options(); err != nil {
		return j, err
	}
	if j.prompts, err = c.prompt.prompts(s, "prompt"); err != nil {
		return j, err
	}
	if c.echo && len(c.made) > 0 {
		return j, bad("echo", "echo of an answer that is continued is not supported here")
	}
	return j, c.continued(s, &j)
}

// spoken returns what a prompt prints, for echo.
func (s *server) spoken(c *completeRequest, j job, choice int) string {
	if !c.echo {
		return ""
	}
	i := choice / j.n
	if len(c.prompt.texts) > 0 {
		return c.prompt.texts[i]
	}
	var text strings.Builder
	for _, token := range j.prompts[i] {
		text.Write(s.tokens.Text(token))
	}
	return text.String()
}

// completeReply is an answer, or a chunk of one.
type completeReply struct {
	ID          string           `json:"id"`
	Object      string           `json:"object"`
	Created     int64            `json:"created"`
	Model       string           `json:"model"`
	Fingerprint string           `json:"system_fingerprint"`
	Choices     []completeChoice `json:"choices"`
	Usage       *usage           `json:"usage,omitempty"`
}

type completeChoice struct {
	Text         string            `json:"text"`
	Index        int               `json:"index"`
	LogProbs     *completeLogProbs `json:"logprobs"`
	Tokens       []int             `json:"token_ids,omitempty"` // where the request has return_token_ids
	FinishReason *batch.Finish     `json:"finish_reason"`
}

// completeLogProbs are the probabilities of tokens in the form of plain
// completions.
type completeLogProbs struct {
	Tokens   []string             `json:"tokens"`
	LogProbs []float64            `json:"token_logprobs"`
	Top      []map[string]float64 `json:"top_logprobs"`
	Offsets  []int                `json:"text_offset"`
	next     int
}

// add appends a token; nil is an empty list.
func (c *completeLogProbs) add(s *server, token batch.Token) *completeLogProbs {
	if c == nil {
		c = &completeLogProbs{}
	}
	item, top := s.logProb(token.LogProb), map[string]float64{}
	for _, p := range token.Top {
		other := s.logProb(p)
		top[other.Token] = other.LogProb
	}
	c.Tokens, c.LogProbs = append(c.Tokens, item.Token), append(c.LogProbs, item.LogProb)
	c.Top, c.Offsets = append(c.Top, top), append(c.Offsets, c.next)
	c.next += len(item.Bytes)
	return c
}

func (s *server) complete(w http.ResponseWriter, r *http.Request) {
	var c completeRequest
	if err := c.fields().read(w, r); err != nil {
		fail(w, err)
		return
	}
	j, err := c.job(s)
	if err != nil {
		fail(w, err)
		return
	}
	streams, err := s.start(r.Context(), j)
	if err != nil {
		fail(w, err)
		return
	}
	defer streams.Close()
	reply := completeReply{ID: newID("cmpl-"), Object: "text_completion", Created: time.Now().Unix(), Model: s.name, Fingerprint: fingerprint()}
	if c.stream {
		s.streamComplete(w, r, &c, j, streams, reply)
		return
	}
	texts, total := make([]strings.Builder, len(streams)), newUsage(j)
	reply.Choices = make([]completeChoice, len(streams))
	err = streams.each(r.Context(), func(e event) error {
		total.see(e)
		choice := &reply.Choices[e.choice]
		texts[e.choice].WriteString(e.token.Text)
		if c.logProbs != nil && e.token.ID >= 0 && e.finish == "" {
			choice.LogProbs = choice.LogProbs.add(s, e.token)
		}
		if e.finish != "" {
			choice.Index, choice.FinishReason = e.choice, &e.finish
			choice.Text = s.spoken(&c, j, e.choice) + texts[e.choice].String()
		}
		return nil
	})
	if r.Context().Err() != nil {
		return // the client is gone
	}
	if err != nil {
		fail(w, err)
		return
	}
	total.reused(streams, j.n)
	reply.Usage = total
	answer(w, reply)
}

// streamComplete sends the texts in chunks.
func (s *server) streamComplete(w http.ResponseWriter, r *http.Request, c *completeRequest, j job, streams choices, reply completeReply) {
	out, total := newEvents(w), newUsage(j)
	send := func(choice completeChoice) error {
		reply.Choices = []completeChoice{choice}
		return out.send(reply)
	}
	for i := range streams {
		if text := s.spoken(c, j, i); text != "" && send(completeChoice{Text: text, Index: i}) != nil {
			return
		}
	}
	held := make([]*completeLogProbs, len(streams)) // of tokens whose text is not shown yet
	offsets, tokens := make([]int, len(streams)), make([][]int, len(streams))
	for _, token := range j.made {
		offsets[0] += len(s.tokens.Text(token))
	}
	err := streams.each(r.Context(), func(e event) error {
		total.see(e)
		if c.logProbs != nil && e.token.ID >= 0 && e.finish == "" {
			if held[e.choice] == nil {
				held[e.choice] = &completeLogProbs{next: offsets[e.choice]}
			}
			held[e.choice] = held[e.choice].add(s, e.token)
			offsets[e.choice] = held[e.choice].next
		}
		if c.showTokens && e.finish == "" && e.token.ID >= 0 {
			tokens[e.choice] = append(tokens[e.choice], e.token.ID)
		}
		if e.finish == "" && e.token.Text == "" {
			return nil
		}
		choice := completeChoice{Text: e.token.Text, Index: e.choice, LogProbs: held[e.choice], Tokens: tokens[e.choice]}
		if e.finish != "" {
			choice.FinishReason = &e.finish
		}
		held[e.choice], tokens[e.choice] = nil, nil
		return send(choice)
	})
	if err != nil {
		s.breakOff(r, out, err)
		return
	}
	if c.streamOptions.IncludeUsage {
		total.reused(streams, j.n)
		reply.Choices, reply.Usage = []completeChoice{}, total
		if out.send(reply) != nil {
			return
		}
	}
	if err := out.done(); err != nil {
		s.config.Log.Debug("the client left before the end", "error", err)
	}
}

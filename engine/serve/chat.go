package serve

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rerig/rerig/engine/batch"
	"github.com/rerig/rerig/engine/chat"
	"github.com/rerig/rerig/engine/matrix"
)

// message is a turn of a conversation in the API's form. Content is a text, or a
// list of texts.
type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
	Name    string          `json:"name"`
}

// text returns the content. Anything but text is refused.
func (m message) text(i int) (string, error) {
	param := "messages[" + strconv.Itoa(i) + "].content"
	var whole string
	if json.Unmarshal(m.Content, &whole) == nil && len(m.Content) > 0 && m.Content[0] == '"' {
		return whole, nil
	}
	var parts []struct {
		Type string  `json:"type"`
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(m.Content, &parts); err != nil || len(parts) == 0 {
		return "", bad(param, "%s must be a text or a list of text parts", param)
	}
	for j, part := range parts {
		if part.Type != "text" || part.Text == nil {
			return "", bad(param, "part %d of %s has type %q; this model takes text only", j, param, part.Type)
		}
		whole += *part.Text
	}
	return whole, nil
}

// chatRequest are the fields of /v1/chat/completions.
type chatRequest struct {
	sampling
	messages              []message
	maxTokens, completion *int
	logProbs              bool
	topLogProbs           int
	tools                 []json.RawMessage
	responseFormat        struct {
		Type string `json:"type"`
	}
}

func (c *chatRequest) fields() params {
	p := c.sampling.fields()
	p["messages"], p["max_tokens"], p["max_completion_tokens"] = &c.messages, &c.maxTokens, &c.completion
	p["logprobs"], p["top_logprobs"] = &c.logProbs, &c.topLogProbs
	p["tools"], p["response_format"] = &c.tools, &c.responseFormat
	return p
}

// job checks the request against the model.
func (c *chatRequest) job(s *server) (job, error) {
	j := job{n: c.n, stop: c.stop, logProbs: -1, param: "messages"}
	if err := s.isOurs(c.model); err != nil {
		return j, err
	}
	switch {
	case s.noChat != nil:
		return j, bad("model", "%v", s.noChat)
	case len(c.tools) > 0:
		return j, bad("tools", "tools are not supported by this model")
	case c.responseFormat.Type != "" && c.responseFormat.Type != "text":
		return j, bad("response_format", "response_format %q is not supported, want \"text\"", c.responseFormat.Type)
	case c.topLogProbs < 0 || c.topLogProbs > batch.MaxLogProbs:
		return j, bad("top_logprobs", "top_logprobs %d is outside 0 to %d", c.topLogProbs, batch.MaxLogProbs)
	case c.topLogProbs > 0 && !c.logProbs:
		return j, bad("top_logprobs", "top_logprobs needs logprobs")
	case len(c.messages) > maxMessages:
		return j, bad("messages", "%d messages, the limit is %d", len(c.messages), maxMessages)
	}
	if c.logProbs {
		j.logProbs = c.topLogProbs
	}
	for name, limit := range map[string]*int{"max_tokens": c.maxTokens, "max_completion_tokens": c.completion} {
		if limit == nil {
			continue
		}
		if *limit < 1 {
			return j, bad(name, "%s %d is less than 1", name, *limit)
		}
		j.max = *limit
	}
	var err error
	if j.options, err = c.options(); err != nil {
		return j, err
	}
	if j.prompts, err = c.prompt(s); err != nil {
		return j, err
	}
	return j, c.continued(s, &j)
}

// prompt writes the conversation in the model's form.
func (c *chatRequest) prompt(s *server) ([][]int, error) {
	var turns []chat.Message
	size := 0
	for i, m := range c.messages {
		text, err := m.text(i)
		if err != nil {
			return nil, err
		}
		if size += len(text); m.Role == "developer" {
			m.Role = "system"
		}
		turns = append(turns, chat.Message{Role: m.Role, Text: text})
	}
	if err := s.mayFit(size, "messages"); err != nil {
		return nil, err
	}
	parts, err := s.format.Prompt(turns)
	if err != nil {
		return nil, bad("messages", "%v", err)
	}
	return [][]int{s.tokens.EncodeParts(parts)}, nil
}

// chatReply is an answer, or a chunk of one.
type chatReply struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	Created     int64        `json:"created"`
	Model       string       `json:"model"`
	Fingerprint string       `json:"system_fingerprint"`
	Choices     []chatChoice `json:"choices"`
	Usage       *usage       `json:"usage,omitempty"`
}

// chatChoice has a Message in an answer and a Delta in a chunk.
type chatChoice struct {
	Index        int           `json:"index"`
	Message      *chatMessage  `json:"message,omitempty"`
	Delta        *chatMessage  `json:"delta,omitempty"`
	LogProbs     *chatLogProbs `json:"logprobs"`
	Tokens       []int         `json:"token_ids,omitempty"` // where the request has return_token_ids
	FinishReason *batch.Finish `json:"finish_reason"`
}

type chatMessage struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content,omitempty"`
}

// fingerprint names what the numbers depend on beside the model.
func fingerprint() string { return "rerig-" + matrix.Kernels() }

func (s *server) chat(w http.ResponseWriter, r *http.Request) {
	var c chatRequest
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
	reply := chatReply{ID: newID("chatcmpl-"), Object: "chat.completion", Created: time.Now().Unix(), Model: s.name, Fingerprint: fingerprint()}
	if c.stream {
		s.streamChat(w, r, &c, j, streams, reply)
		return
	}
	texts, total := make([]strings.Builder, len(streams)), newUsage(j)
	reply.Choices = make([]chatChoice, len(streams))
	err = streams.each(r.Context(), func(e event) error {
		total.see(e)
		choice := &reply.Choices[e.choice]
		choice.Index = e.choice
		texts[e.choice].WriteString(e.token.Text)
		if c.logProbs && e.token.ID >= 0 && e.finish == "" {
			choice.LogProbs = choice.LogProbs.add(s, e.token)
		}
		if e.finish != "" {
			text := texts[e.choice].String()
			choice.Message, choice.FinishReason = &chatMessage{"assistant", &text}, &e.finish
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

// streamChat sends the answer in chunks: the role, the tokens, the reason of the
// end, and the usage where it is wanted.
func (s *server) streamChat(w http.ResponseWriter, r *http.Request, c *chatRequest, j job, streams choices, reply chatReply) {
	reply.Object = "chat.completion.chunk"
	out, total := newEvents(w), newUsage(j)
	send := func(choice chatChoice) error {
		reply.Choices = []chatChoice{choice}
		return out.send(reply)
	}
	empty := ""
	for i := range streams {
		if send(chatChoice{Index: i, Delta: &chatMessage{"assistant", &empty}}) != nil {
			return
		}
	}
	held, tokens := make([]*chatLogProbs, len(streams)), make([][]int, len(streams)) // whose text is not shown yet
	err := streams.each(r.Context(), func(e event) error {
		total.see(e)
		if c.showTokens && e.finish == "" && e.token.ID >= 0 {
			tokens[e.choice] = append(tokens[e.choice], e.token.ID)
		}
		if e.finish != "" {
			return send(chatChoice{Index: e.choice, Delta: &chatMessage{}, LogProbs: held[e.choice], Tokens: tokens[e.choice], FinishReason: &e.finish})
		}
		if c.logProbs && e.token.ID >= 0 {
			held[e.choice] = held[e.choice].add(s, e.token)
		}
		if e.token.Text == "" {
			return nil
		}
		choice := chatChoice{Index: e.choice, Delta: &chatMessage{Content: &e.token.Text}, LogProbs: held[e.choice], Tokens: tokens[e.choice]}
		held[e.choice], tokens[e.choice] = nil, nil
		return send(choice)
	})
	if err != nil {
		s.breakOff(r, out, err)
		return
	}
	if c.streamOptions.IncludeUsage {
		total.reused(streams, j.n)
		reply.Choices, reply.Usage = []chatChoice{}, total
		if out.send(reply) != nil {
			return
		}
	}
	if err := out.done(); err != nil {
		s.config.Log.Debug("the client left before the end", "error", err)
	}
}

// breakOff ends a stream that cannot go on with an error in the API's form.
func (s *server) breakOff(r *http.Request, out *events, err error) {
	if r.Context().Err() == nil && !errors.Is(err, http.ErrAbortHandler) {
		err = out.send(describe(err).body())
	}
	s.config.Log.Debug("a stream was broken off", "error", err)
}

package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// writeTimeout is how long a client may take to accept one event.
const writeTimeout = 30 * time.Second

// The headers that tell what an answer is and costs. Of a stream the cost is a trailer.
const (
	headerJob   = "X-Rerig-Job"
	headerRig   = "X-Rerig-Rig"
	headerPrice = "X-Rerig-Price"
	headerCost  = "X-Rerig-Cost"
)

// streamSink sends an answer in chunks.
type streamSink struct {
	w       http.ResponseWriter
	control *http.ResponseController
	d       *dispatch
	line    bytes.Buffer
	open    bool // the head was sent
}

// chunkReply is a chunk in the API's form.
type chunkReply struct {
	ID          string    `json:"id"`
	Object      string    `json:"object"`
	Created     int64     `json:"created"`
	Model       string    `json:"model"`
	Fingerprint string    `json:"system_fingerprint,omitempty"`
	Choices     []any     `json:"choices"`
	Usage       any       `json:"usage,omitempty"`
	Bill        *billView `json:"rerig,omitempty"`
}

// chatChunk and textChunk are what a chunk has of an answer.
type chatChunk struct {
	Index    int             `json:"index"`
	Delta    any             `json:"delta"`
	LogProbs json.RawMessage `json:"logprobs"`
	Finish   *string         `json:"finish_reason"`
}

type textChunk struct {
	Index    int             `json:"index"`
	Text     string          `json:"text"`
	LogProbs json.RawMessage `json:"logprobs"`
	Finish   *string         `json:"finish_reason"`
}

// billView is who answered and what it costs, in whole tokens of the network's money.
type billView struct {
	Job  string `json:"job"`
	Rig  string `json:"rig"`
	Cost string `json:"cost"`
}

func (d *dispatch) bill() *billView {
	return &billView{d.job, d.offer.Rig.String(), d.g.config.Text(d.cost)}
}

// head sets the headers that are known when an answer begins.
func (d *dispatch) head(h http.Header) {
	h.Set(headerJob, d.job)
	h.Set(headerRig, d.offer.Rig.String())
	h.Set(headerPrice, d.g.config.Text(d.offer.Model.PerMillion)+" per million tokens")
}

func newStreamSink(w http.ResponseWriter) *streamSink {
	return &streamSink{w: w, control: http.NewResponseController(w)}
}

func (s *streamSink) begin(d *dispatch) error {
	s.d, s.open = d, true
	d.head(s.w.Header())
	s.w.Header().Set("Trailer", headerCost)
	s.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	s.w.Header().Set("Cache-Control", "no-cache")
	s.w.Header().Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
	if d.q.form != chatForm {
		return nil
	}
	for i := range d.q.n {
		if err := s.send([]any{chatChunk{Index: i, Delta: map[string]string{"role": "assistant", "content": ""}}}, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *streamSink) piece(p piece) error {
	if p.text == "" && p.delta == nil && p.finish == "" && p.logProbs == nil {
		return nil // tokens whose text comes later
	}
	var finish *string
	if p.finish != "" {
		finish = &p.finish
	}
	if s.d.q.form == textForm {
		return s.send([]any{textChunk{p.index, p.text, p.logProbs, finish}}, nil, nil)
	}
	delta := any(p.delta)
	if p.delta == nil {
		delta = struct{}{}
	}
	return s.send([]any{chatChunk{p.index, delta, p.logProbs, finish}}, nil, nil)
}

func (s *streamSink) whole(map[string]any) error { return nil } // embeddings are no stream

func (s *streamSink) again() bool { return !s.open }

func (s *streamSink) end(d *dispatch) error {
	if d.q.usage {
		if err := s.send([]any{}, &d.total, d.bill()); err != nil {
			return err
		}
	}
	s.w.Header().Set(headerCost, d.g.config.Text(d.cost))
	return s.write([]byte("data: [DONE]\n\n"))
}

// broken ends a stream that cannot go on with an error in the API's form.
func (s *streamSink) broken(err error) {
	if s.event(describe(err).body()) == nil {
		s.w.Header().Set(headerCost, s.d.g.config.Text(s.d.cost))
	}
}

// send writes a chunk. With include_usage every chunk has the field, null but in the last.
func (s *streamSink) send(choices []any, u *usage, bill *billView) error {
	c := chunkReply{ID: s.d.id, Object: s.d.q.form.part, Created: s.d.created.Unix(), Model: s.d.model, Fingerprint: s.d.fingerprint,
		Choices: choices, Bill: bill}
	switch {
	case u != nil:
		c.Usage = u
	case s.d.q.usage:
		c.Usage = json.RawMessage("null")
	}
	return s.event(c)
}

func (s *streamSink) event(v any) error {
	s.line.Reset()
	s.line.WriteString("data: ")
	if err := json.NewEncoder(&s.line).Encode(v); err != nil {
		return err
	}
	s.line.WriteByte('\n')
	return s.write(s.line.Bytes())
}

func (s *streamSink) write(b []byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.control.Flush()
}

package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

const (
	writeTimeout = 30 * time.Second // for a client to accept what it is sent at once
	maxUnsent    = 16 << 10         // bytes
)

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
	open    bool      // the head was sent
	head    []byte    // of each chunk, up to its choices
	print   string    // the fingerprint in it
	tail    string    // of each chunk, behind its choices
	line    []byte    // what is sent with the next flush
	late    time.Time // the connection's deadline
}

// chunkHead is what all chunks have.
type chunkHead struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Created     int64  `json:"created"`
	Model       string `json:"model"`
	Fingerprint string `json:"system_fingerprint,omitempty"`
}

// lastChunk is the one with the usage and the bill.
type lastChunk struct {
	chunkHead
	Choices []any     `json:"choices"`
	Usage   *usage    `json:"usage"`
	Bill    *billView `json:"rerig"`
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
	if s.tail = "]}\n\n"; d.q.usage { // every chunk has the field then, null but in the last
		s.tail = `],"usage":null}` + "\n\n"
	}
	if d.q.form != chatForm {
		return nil
	}
	for i := range d.q.n {
		first := piece{index: i, delta: []field{{"role", json.RawMessage(`"assistant"`)}, {"content", json.RawMessage(`""`)}}}
		if err := s.piece(&first); err != nil {
			return err
		}
	}
	return nil
}

// headOf is what every chunk begins with. Of a rig's texts none is encoded anew: a chunk is put
// together of what was said.
func (s *streamSink) headOf() ([]byte, error) {
	if s.head != nil && s.print == s.d.fingerprint {
		return s.head, nil
	}
	raw, err := json.Marshal(s.common())
	if err != nil {
		return nil, err
	}
	s.print = s.d.fingerprint
	s.head = append(append([]byte("data: "), raw[:len(raw)-1]...), `,"choices":[{"index":`...)
	return s.head, nil
}

func (s *streamSink) common() chunkHead {
	return chunkHead{s.d.id, s.d.q.form.part, s.d.created.Unix(), s.d.model, s.d.fingerprint}
}

func (s *streamSink) piece(p *piece) error {
	if !p.says() {
		return nil // tokens whose text comes later
	}
	head, err := s.headOf()
	if err != nil {
		return err
	}
	b := strconv.AppendInt(append(s.line, head...), int64(p.index), 10)
	if s.d.q.form == textForm {
		b = append(append(b, `,"text":`...), orElse(p.text, `""`)...)
	} else {
		b = append(b, `,"delta":{`...)
		for i, f := range p.delta {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(appendText(b, f.name), ':'), f.value...)
		}
		b = append(b, '}')
	}
	b = append(append(b, `,"logprobs":`...), orElse(p.logProbs, "null")...)
	b = append(b, `,"finish_reason":`...)
	if p.finish == "" {
		b = append(b, "null}"...)
	} else {
		b = append(appendText(b, p.finish), '}')
	}
	if s.line = append(b, s.tail...); len(s.line) < maxUnsent {
		return nil
	}
	return s.write()
}

func orElse(value json.RawMessage, otherwise string) json.RawMessage {
	if value == nil {
		return json.RawMessage(otherwise)
	}
	return value
}

// appendText appends a text in quotes.
func appendText(b []byte, text string) []byte {
	raw, err := json.Marshal(text)
	if err != nil { // of no text
		return append(b, `""`...)
	}
	return append(b, raw...)
}

func (s *streamSink) whole(map[string]any) error { return nil } // embeddings are no stream

func (s *streamSink) again() bool { return !s.open }

func (s *streamSink) end(d *dispatch) error {
	if d.q.usage {
		if err := s.event(lastChunk{s.common(), []any{}, &d.total, d.bill()}); err != nil {
			return err
		}
	}
	s.w.Header().Set(headerCost, d.g.config.Text(d.cost))
	s.line = append(s.line, "data: [DONE]\n\n"...)
	return s.flush()
}

// broken ends a stream that cannot go on with an error in the API's form.
func (s *streamSink) broken(err error) {
	if s.event(describe(err).body()) == nil && s.flush() == nil {
		s.w.Header().Set(headerCost, s.d.g.config.Text(s.d.cost))
	}
}

// event queues a chunk.
func (s *streamSink) event(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.line = append(append(append(s.line, "data: "...), raw...), "\n\n"...)
	return nil
}

// write gives the connection what is queued.
func (s *streamSink) write() error {
	if now := time.Now(); s.late.Sub(now) < writeTimeout-time.Second { // not with each token: a timer moves
		s.late = now.Add(writeTimeout)
		if err := s.control.SetWriteDeadline(s.late); err != nil {
			return gone{err}
		}
	}
	if _, err := s.w.Write(s.line); err != nil {
		return gone{err}
	}
	s.line = s.line[:0]
	return nil
}

// flush sends all that is queued.
func (s *streamSink) flush() error {
	if err := s.write(); err != nil {
		return err
	}
	if err := s.control.Flush(); err != nil {
		return gone{err}
	}
	return nil
}

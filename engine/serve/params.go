package serve

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rerig/rerig/engine/batch"
	"github.com/rerig/rerig/engine/sampler"
)

// The limits of one request.
const (
	maxChoices  = 8   // n
	maxPrompts  = 256 // prompts or inputs in one request
	maxMessages = 4096
	maxListed   = 1 << 18 // probabilities of tokens, which an answer that is no stream keeps to its end
)

// params are the JSON fields of a request by name. A name that no field answers to
// is refused, as the real API does; null stands for absent.
type params map[string]any

// ignored are fields of the API that change nothing here.
var ignored = []string{"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "parallel_tool_calls", "tool_choice"}

// read decodes a request's body into the fields.
func (p params) read(w http.ResponseWriter, r *http.Request) error {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
		return bad("", "the connection takes no deadline: %v", err)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return &apiError{status: http.StatusRequestEntityTooLarge, message: "the request has more than " + strconv.Itoa(maxBody) + " bytes"}
	case err != nil:
		return bad("", "read the request: %v", err)
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return bad("", "the connection takes no deadline: %v", err)
	}
	return p.decode(raw)
}

func (p params) decode(raw []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return bad("", "the request is not a JSON object: %v", err)
	}
	for name, value := range fields {
		to, ok := p[name]
		switch {
		case !ok && slices.Contains(ignored, name):
		case !ok:
			return &apiError{param: name, code: "unknown_parameter", message: "Unrecognized request argument supplied: " + name}
		case string(value) == "null":
		default:
			if err := json.Unmarshal(value, to); err != nil {
				return bad(name, "%s: %v", name, err)
			}
		}
	}
	return nil
}

// sampling are the fields that chat and plain completions share.
type sampling struct {
	model                       string
	n                           int
	stream                      bool
	streamOptions               struct{ IncludeUsage bool }
	stop                        stops
	seed                        *int64
	temperature, topP, minP     float64
	topK                        int
	frequency, presence, repeat float64
	bias                        map[string]float64
	showTokens                  bool  // tells the tokens of each chunk
	made                        []int // tokens that another server told: this one goes on behind them
}

// fields are the names that sampling answers to.
func (s *sampling) fields() params {
	s.n, s.temperature, s.topP, s.repeat = 1, 1, 1, 1
	return params{
		"model": &s.model, "n": &s.n, "stream": &s.stream, "stream_options": &streamOptions{&s.streamOptions.IncludeUsage},
		"stop": &s.stop, "seed": &s.seed, "temperature": &s.temperature, "top_p": &s.topP, "min_p": &s.minP,
		"top_k": &s.topK, "frequency_penalty": &s.frequency, "presence_penalty": &s.presence,
		"repeat_penalty": &s.repeat, "logit_bias": &s.bias,
		"return_token_ids": &s.showTokens, "continue_token_ids": &s.made,
	}
}

// streamOptions reads the one option that is known.
type streamOptions struct{ usage *bool }

func (o *streamOptions) UnmarshalJSON(raw []byte) error {
	return params{"include_usage": o.usage, "include_obfuscation": new(bool)}.decode(raw)
}

// stops is one text or a list.
type stops []string

func (s *stops) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		*s = []string{""}
		return json.Unmarshal(raw, &(*s)[0])
	}
	return json.Unmarshal(raw, (*[]string)(s))
}

// continued checks the tokens that the answer goes on behind.
func (s *sampling) continued(srv *server, j *job) error {
	if s.showTokens && !s.stream {
		return bad("return_token_ids", "return_token_ids is for streams")
	}
	if len(s.made) == 0 {
		return nil
	}
	if len(j.prompts)*s.n != 1 {
		return bad("continue_token_ids", "continue_token_ids is for one answer to one prompt")
	}
	if len(s.made) >= srv.config.Context {
		return bad("continue_token_ids", "%d tokens leave no room in the context of %d", len(s.made), srv.config.Context)
	}
	for _, token := range s.made {
		if token < 0 || token >= srv.tokens.Size() {
			return bad("continue_token_ids", "token %d is outside the vocabulary of %d", token, srv.tokens.Size())
		}
	}
	j.made = s.made
	return nil
}

// options checks the fields and returns what the sampler and the batcher take.
func (s *sampling) options() (sampler.Options, error) {
	o := sampler.Options{
		Temp: s.temperature, TopK: s.topK, TopP: s.topP, MinP: s.minP,
		Repeat: s.repeat, Frequency: s.frequency, Presence: s.presence,
	}
	switch {
	case !(s.temperature >= 0 && s.temperature <= 2):
		return o, bad("temperature", "temperature %v is outside 0 to 2", s.temperature)
	case !(s.topP >= 0 && s.topP <= 1):
		return o, bad("top_p", "top_p %v is outside 0 to 1", s.topP)
	case !(s.minP >= 0 && s.minP <= 1):
		return o, bad("min_p", "min_p %v is outside 0 to 1", s.minP)
	case s.topK < 0:
		return o, bad("top_k", "top_k %d is negative; 0 is for all tokens", s.topK)
	case !(s.frequency >= -2 && s.frequency <= 2):
		return o, bad("frequency_penalty", "frequency_penalty %v is outside -2 to 2", s.frequency)
	case !(s.presence >= -2 && s.presence <= 2):
		return o, bad("presence_penalty", "presence_penalty %v is outside -2 to 2", s.presence)
	case !(s.repeat > 0 && s.repeat <= 2):
		return o, bad("repeat_penalty", "repeat_penalty %v is outside 0 to 2", s.repeat)
	case s.n < 1 || s.n > maxChoices:
		return o, bad("n", "n %d is outside 1 to %d", s.n, maxChoices)
	case len(s.stop) > batch.MaxStops:
		return o, bad("stop", "%d stop texts, the limit is %d", len(s.stop), batch.MaxStops)
	case len(s.bias) > 0:
		return o, bad("logit_bias", "logit_bias is not supported here")
	}
	for _, stop := range s.stop {
		if stop == "" || len(stop) > batch.MaxStopSize {
			return o, bad("stop", "a stop text has %d bytes, 1 to %d are allowed", len(stop), batch.MaxStopSize)
		}
	}
	if s.topP == 0 {
		o.Temp, o.TopP = 0, 1 // the best token alone
	}
	o.Seed = rand.Uint64()
	if s.seed != nil {
		o.Seed = uint64(*s.seed)
	}
	return o, nil
}

package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	maxBody     = 4 << 20 // bytes of a request, as rigs take them
	maxChoices  = 128     // n, as the API has it
	readTimeout = 30 * time.Second
)

// form is an endpoint's kind of request.
type form struct {
	path  string
	known []string // parameters that are taken, beside those of all forms
	alone bool     // the parameters of chats and texts mean nothing
	made  string   // the ID's prefix; "" where answers have none
	whole string   // object of an answer
	part  string   // object of a chunk
	input string   // the parameter with the prompt
}

var (
	chatForm = &form{path: "/v1/chat/completions", made: "chatcmpl-", whole: "chat.completion", part: "chat.completion.chunk", input: "messages",
		known: []string{"audio", "function_call", "functions", "max_completion_tokens", "messages", "modalities", "parallel_tool_calls",
			"prediction", "reasoning_effort", "response_format", "tool_choice", "tools", "top_logprobs", "verbosity", "web_search_options"}}
	textForm = &form{path: "/v1/completions", made: "cmpl-", whole: "text_completion", part: "text_completion", input: "prompt",
		known: []string{"best_of", "echo", "prompt", "suffix"}}
	embedForm = &form{path: "/v1/embeddings", alone: true, input: "input", known: []string{"dimensions", "encoding_format", "input"}}
	imageForm = &form{path: "/v1/images/generations", alone: true, input: "prompt", known: []string{"background", "moderation", "n",
		"output_compression", "output_format", "prompt", "quality", "response_format", "size", "style"}}
)

// generates lists parameters of chats and texts, the last three not of OpenAI's but of most
// servers of open models.
var generates = []string{"frequency_penalty", "logit_bias", "logprobs", "max_tokens", "n", "presence_penalty", "seed", "stop", "stream",
	"stream_options", "temperature", "top_p", "top_k", "min_p", "repeat_penalty"}

// ours are parameters that are read here or are of OpenAI's own house. They do not reach a
// rig: some tell who asks.
var ours = []string{"metadata", "model", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "stream",
	"stream_options", "user"}

// request is what a client asks for, checked as far as a rig need not.
type request struct {
	form   *form
	fields map[string]json.RawMessage
	model  string
	key    *Key // nil where none is asked for

	stream, usage bool
	n             int
	prompts       int  // that it has, each of which gets n answers
	max           int  // tokens of each answer; 0 is what the context leaves
	bytes         int  // of the prompt: it has no more tokens
	settled       bool // greedy or seeded, and one answer: another rig can go on with it
	conversation  string
	size          string // of images; "" is what the rig usually makes
}

// readJSON reads a body of JSON, and of nothing else: a browser sends JSON across sites only
// after it asked, and is told no.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, to any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &apiError{status: http.StatusUnsupportedMediaType, message: "the request's Content-Type must be application/json"}
	}
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
		return bad("", "the connection takes no deadline: %v", err)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return &apiError{status: http.StatusRequestEntityTooLarge, message: "the request has more than " + strconv.FormatInt(limit, 10) + " bytes"}
	case err != nil:
		return bad("", "read the request: %v", err)
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return bad("", "the connection takes no deadline: %v", err)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return bad("", "We could not parse the JSON body of your request: %v", err)
	}
	return nil
}

// parse checks the fields of a request.
func parse(f *form, fields map[string]json.RawMessage) (*request, error) {
	q := &request{form: f, fields: fields, n: 1}
	for name, value := range fields {
		if !slices.Contains(f.known, name) && !slices.Contains(ours, name) && (f.alone || !slices.Contains(generates, name)) {
			return nil, &apiError{param: name, code: "unknown_parameter", message: "Unrecognized request argument supplied: " + name}
		}
		if string(value) == "null" {
			delete(fields, name)
		}
	}
	var options struct {
		Usage       bool `json:"include_usage"`
		Obfuscation bool `json:"include_obfuscation"`
	}
	var completion int
	var seed *int64
	var temperature, topP *float64
	var cacheKey string
	for name, to := range map[string]any{"model": &q.model, "stream": &q.stream, "stream_options": &options, "n": &q.n, "max_tokens": &q.max,
		"max_completion_tokens": &completion, "seed": &seed, "temperature": &temperature, "top_p": &topP, "prompt_cache_key": &cacheKey} {
		if raw, ok := fields[name]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return nil, &apiError{param: name, code: "invalid_type", message: "Invalid type for '" + name + "': " + err.Error()}
			}
		}
	}
	_, hasOptions := fields["stream_options"]
	prompt, hasPrompt := fields[f.input]
	switch {
	case q.model == "":
		return nil, bad("model", "you must provide a model parameter")
	case !hasPrompt:
		return nil, &apiError{param: f.input, code: "missing_required_parameter", message: "Missing required parameter: '" + f.input + "'."}
	case hasOptions && !q.stream:
		return nil, bad("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	case q.n < 1 || q.n > maxChoices:
		return nil, bad("n", "n %d is outside 1 to %d", q.n, maxChoices)
	case q.max < 0 || completion < 0:
		return nil, bad("max_tokens", "a negative number of tokens")
	}
	q.usage, q.bytes, q.prompts = options.Usage, promptBytes(fields), prompts(f, prompt)
	if f == textForm && q.max == 0 {
		q.max = 16 // the API's own default
	} else if completion > 0 && (q.max == 0 || completion < q.max) {
		q.max = completion
	}
	greedy := temperature != nil && *temperature == 0 || topP != nil && *topP == 0
	q.settled = !f.alone && q.n == 1 && (greedy || seed != nil) && q.answers() == 1
	q.conversation = conversation(f, q.model, cacheKey, prompt)
	if f == imageForm {
		return q, q.checkImages()
	}
	return q, nil
}

// promptBytes is how much of a request becomes a prompt, at most.
func promptBytes(fields map[string]json.RawMessage) (n int) {
	for _, name := range []string{"messages", "prompt", "input", "tools", "functions", "response_format"} {
		n += len(fields[name])
	}
	return n
}

// prompts is how many texts a request has: a plain prompt may be a list of texts, of lists of
// tokens, or one of tokens.
func prompts(f *form, prompt json.RawMessage) int {
	var many []json.RawMessage
	if f == chatForm || json.Unmarshal(prompt, &many) != nil || len(many) == 0 {
		return 1
	}
	if c := many[0][0]; c == '"' || c == '[' {
		return len(many)
	}
	return 1
}

const conversationBytes = 1024 // of a plain prompt that tell it from others

// conversation names what has the same beginning: the caller's key for it, or the turns up to
// the first of the user's. A rig that answered one still knows its beginning.
func conversation(f *form, model, cacheKey string, prompt json.RawMessage) string {
	begin := []byte(cacheKey)
	var turns []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	switch {
	case f.alone:
		return ""
	case cacheKey != "":
	case f == chatForm && json.Unmarshal(prompt, &turns) == nil:
		for _, t := range turns {
			begin = append(append(append(begin, t.Role...), 0), t.Content...)
			if t.Role == "user" {
				break
			}
		}
	default:
		begin = prompt[:min(len(prompt), conversationBytes)]
	}
	sum := sha256.Sum256(append([]byte(model+"\x00"), begin...))
	return hex.EncodeToString(sum[:16])
}

// templateTokens are what a model's form of a conversation may add to the text: marks of roles,
// the date, how to call tools.
const templateTokens = 256

// mostRead bounds the tokens of the prompt: each has a byte at least.
func (q *request) mostRead(m *protocol.Served) uint64 {
	if q.form == imageForm { // an image costs the same, whatever was said of it
		return 0
	}
	return min(uint64(q.bytes)+templateTokens, uint64(m.Context)*uint64(q.answers()))
}

// answers is how many texts are asked for.
func (q *request) answers() int { return q.n * q.prompts }

// mostMade bounds the tokens that are made, or the units of images.
func (q *request) mostMade(m *protocol.Served) uint64 {
	switch q.form {
	case embedForm:
		return 0
	case imageForm:
		return uint64(q.n) * m.Images.Units
	}
	each := uint64(m.Context)
	if q.max > 0 {
		each = min(each, uint64(q.max))
	}
	return each * uint64(q.answers())
}

// most is what the request costs at a rig, at most, in units.
func (q *request) most(m *protocol.Served) uint64 {
	return protocol.TokenUnits(q.mostRead(m), q.mostMade(m))
}

// need is what the request costs at an offer's rig, at most, in units, where its answer goes on
// behind some tokens.
func (q *request) need(o Offer, made []int) uint64 {
	return q.most(&o.Model) + protocol.TokenUnits(uint64(len(made)), 0)
}

// mostBytes bounds what a rig may say.
func (q *request) mostBytes(m *protocol.Served) int {
	if q.form == imageForm {
		return m.Images.ReplyBytes(q.n)
	}
	each, many := uint64(tokenBytes), q.mostMade(m)
	if q.fields["logprobs"] != nil {
		each += logBytes
	}
	if q.form == embedForm {
		each, many = vectorBytes, uint64(q.answers())
	}
	return int(min(many*each+besideBytes, maxAnswer))
}

// upstream is the body for a rig: its own name of the model, always a stream, and none of
// what is not its business. made are tokens that the answer goes on behind.
func (q *request) upstream(name string, continues bool, made []int) ([]byte, error) {
	body := make(map[string]any, len(q.fields)+4)
	for name, value := range q.fields {
		if !slices.Contains(ours, name) {
			body[name] = value
		}
	}
	body["model"] = name
	if q.form == imageForm {
		body["response_format"] = "b64_json"
	}
	if q.form.alone {
		return json.Marshal(body)
	}
	body["stream"], body["stream_options"] = true, map[string]bool{"include_usage": true}
	if q.settled && continues {
		body["return_token_ids"] = true
	}
	if len(made) > 0 {
		body["continue_token_ids"] = made
	}
	return json.Marshal(body)
}

// secretOf takes the bearer's key from a header.
func secretOf(h http.Header) string {
	secret, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return strings.TrimSpace(secret)
}

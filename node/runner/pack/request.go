package pack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/rerig/rerig/protocol"
)

// What a server is asked for.
const (
	chatPath     = "/v1/chat/completions"
	completePath = "/v1/completions"
	embedPath    = "/v1/embeddings"
	imagePath    = "/v1/images/generations"
)

const (
	maxStops    = 16
	usualTokens = 16 // of a plain completion, as the API has it
)

// refusal is an error in the API's form.
type refusal struct {
	status               int
	param, code, message string
}

func (e *refusal) Error() string { return e.message }

func bad(param, format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, param: param, message: fmt.Sprintf(format, args...)}
}

// body is the JSON of an error.
func (e *refusal) body() []byte {
	kind := "invalid_request_error"
	if e.status >= http.StatusInternalServerError {
		kind = "server_error"
	}
	raw, err := json.Marshal(map[string]any{"error": map[string]any{"message": e.message, "type": kind, "param": orNull(e.param), "code": orNull(e.code)}})
	if err != nil { // of texts there is none
		return []byte(`{"error":{"message":"","type":"server_error","param":null,"code":null}}`)
	}
	return raw
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// The fields that reach a server. Others may have it write files, load other models or read
// another's slot.
var (
	sampled   = []string{"temperature", "top_p", "top_k", "min_p", "seed", "stop", "presence_penalty", "frequency_penalty", "repeat_penalty", "logit_bias", "logprobs"}
	chatted   = []string{"messages", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort"}
	completed = []string{"prompt", "echo"}
	embedded  = []string{"input", "encoding_format", "dimensions"}
	drawn     = []string{"prompt", "quality", "style", "background", "output_format", "output_compression"}
	// checked are what the rig writes itself in a request for images.
	checked = []string{"size", "response_format", "moderation"}
	// ignored change nothing, or are read here.
	ignored = []string{"model", "n", "max_tokens", "max_completion_tokens", "stream", "stream_options", "user", "metadata", "store", "service_tier",
		"safety_identifier", "prompt_cache_key", "prompt_cache_retention"}
)

// passed are the fields of a path that reach a server.
func passed(path string) []string {
	switch path {
	case chatPath:
		return slices.Concat(sampled, chatted)
	case completePath:
		return slices.Concat(sampled, completed)
	case imagePath:
		return slices.Concat(drawn, checked)
	}
	return embedded
}

// want is what a requester asks for.
type want struct {
	fields map[string]json.RawMessage // that reach the server
	stream bool
	usage  bool // at the end of the stream
	tokens int  // most that are made
	chat   bool
	embed  bool
	images *wantImages // nil where no images are asked for
}

// read takes a request apart: what is not known is refused by name, as OpenAI does.
func (s *Server) read(path string, body []byte) (*want, error) {
	w := &want{fields: map[string]json.RawMessage{}, chat: path == chatPath, embed: path == embedPath}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil || all == nil {
		return nil, bad("", "the request is not a JSON object: %v", err)
	}
	if path == imagePath && s.spec.Pack.Images == nil {
		return nil, &refusal{status: http.StatusNotFound, message: "this model makes no images"}
	}
	known := passed(path)
	for name, value := range all {
		switch {
		case slices.Contains(known, name):
			if string(value) != "null" {
				w.fields[name] = value
			}
		case !slices.Contains(ignored, name):
			e := bad(name, "Unrecognized request argument supplied: %s", name)
			e.code = "unknown_parameter"
			return nil, e
		}
	}
	if path == imagePath {
		return w, w.checkImages(all, s)
	}
	return w, w.check(all, s.context)
}

// check reads the fields that the rig itself goes by.
func (w *want) check(all map[string]json.RawMessage, context int) error {
	var options struct {
		Usage bool `json:"include_usage"`
	}
	n, most, completion := 1, 0, 0
	for name, to := range map[string]any{"n": &n, "max_tokens": &most, "max_completion_tokens": &completion, "stream": &w.stream, "stream_options": &options} {
		if raw, ok := all[name]; ok && string(raw) != "null" {
			if err := json.Unmarshal(raw, to); err != nil {
				return bad(name, "%s: %v", name, err)
			}
			if to == &most && most < 1 || to == &completion && completion < 1 {
				return bad(name, "%s is less than 1", name)
			}
		}
	}
	w.usage = options.Usage
	if n != 1 {
		return bad("n", "n %d: this server makes one answer to a request; ask again for another", n)
	}
	if completion > 0 {
		most = completion
	}
	switch {
	case most == 0 && w.chat:
		most = context
	case most == 0:
		most = usualTokens
	}
	w.tokens = min(most, context)
	return w.checkTexts()
}

// checkTexts holds a prompt to one, and stops to few.
func (w *want) checkTexts() error {
	if raw, ok := w.fields["prompt"]; ok {
		var text string
		var tokens []int
		if json.Unmarshal(raw, &text) != nil && json.Unmarshal(raw, &tokens) != nil {
			return bad("prompt", "prompt is one text or one list of tokens here")
		}
	}
	if raw, ok := w.fields["stop"]; ok {
		var text string
		var list []string
		if json.Unmarshal(raw, &text) != nil && json.Unmarshal(raw, &list) != nil || len(list) > maxStops {
			return bad("stop", "stop is a text or a list of at most %d", maxStops)
		}
	}
	return nil
}

// usual are the API's values of what a request does not say; servers have others.
var usual = map[string]json.RawMessage{"temperature": []byte("1"), "top_p": []byte("1"), "top_k": []byte("0"), "min_p": []byte("0")}

// written is the body that reaches the server, always of a stream where tokens are made: so
// they can be counted as they are.
func (w *want) written(s *Server, owner string, g grant) ([]byte, error) {
	if w.images != nil {
		return w.writtenImages(s)
	}
	body := map[string]any{"model": s.spec.Name}
	if !w.embed {
		for name, value := range usual {
			body[name] = value
		}
		body["max_tokens"], body["stream"] = w.tokens, true
		s.speech.body(body, owner, g)
	}
	for name, value := range w.fields {
		body[name] = value
	}
	return json.Marshal(body)
}

// speech is what a kind of server has of its own.
type speech struct {
	// body adds what makes it tell its count as it goes, and what keeps prompts apart.
	body func(body map[string]any, owner string, g grant)
	// context asks for the tokens that a request may have.
	context func(get func(path string) ([]byte, error)) (int, error)
}

// speeches are the kinds of servers that are known. That of vLLM has met only a scripted server
// of its form: unproven.
var speeches = map[string]speech{
	protocol.ServerLlama: {
		body: func(body map[string]any, _ string, g grant) {
			body["stream_options"] = map[string]any{"include_usage": true}
			body["timings_per_token"], body["id_slot"], body["cache_prompt"] = true, g.slot, !g.fresh
		},
		context: func(get func(string) ([]byte, error)) (int, error) {
			var props struct {
				Settings struct {
					Context int `json:"n_ctx"`
				} `json:"default_generation_settings"`
			}
			var list struct {
				Data []struct {
					Meta struct {
						Trained int `json:"n_ctx_train"`
					} `json:"meta"`
				} `json:"data"`
			}
			if err := told(get, "/props", &props); err != nil {
				return 0, err
			}
			if err := told(get, modelsPath, &list); err != nil {
				return 0, err
			}
			n := props.Settings.Context
			if len(list.Data) > 0 && list.Data[0].Meta.Trained > 0 {
				n = min(n, list.Data[0].Meta.Trained)
			}
			return n, nil
		},
	},
	protocol.ServerVLLM: {
		body: func(body map[string]any, owner string, _ grant) {
			body["stream_options"] = map[string]any{"include_usage": true, "continuous_usage_stats": true}
			body["cache_salt"] = "owner " + owner
		},
		context: func(get func(string) ([]byte, error)) (int, error) {
			var list struct {
				Data []struct {
					Context int `json:"max_model_len"`
				} `json:"data"`
			}
			if err := told(get, modelsPath, &list); err != nil {
				return 0, err
			}
			if len(list.Data) == 0 {
				return 0, fmt.Errorf("%s names no model", modelsPath)
			}
			return list.Data[0].Context, nil
		},
	},
}

// told reads what a server tells of itself.
func told(get func(string) ([]byte, error), path string, to any) error {
	raw, err := get(path)
	if err == nil {
		err = json.Unmarshal(raw, to)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

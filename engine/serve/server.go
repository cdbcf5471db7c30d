package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rerig/rerig/engine/batch"
	"github.com/rerig/rerig/engine/chat"
	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/matrix"
	"github.com/rerig/rerig/engine/tokenizer"
)

// server answers requests with one model.
type server struct {
	config  Config
	name    string
	model   *llama.Model
	tokens  *tokenizer.Tokenizer
	batcher *batch.Batcher
	format  chat.Format
	noChat  error // why the model cannot chat; nil if it can
	started time.Time
	open    chan struct{} // holds a value for each request being answered; never closed
}

// routes lists what the server answers.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("GET /v1/models/{name...}", s.oneModel)
	mux.HandleFunc("POST /v1/chat/completions", s.bounded(s.chat))
	mux.HandleFunc("POST /v1/completions", s.bounded(s.complete))
	mux.HandleFunc("POST /v1/embeddings", s.bounded(s.embed))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &apiError{status: http.StatusNotFound, message: fmt.Sprintf("%s %s is not served here; see /v1/models", r.Method, r.URL.Path)})
	})
	return mux
}

// bounded answers only so many requests at once, so that their bodies do not fill the
// memory.
func (s *server) bounded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.open <- struct{}{}:
			defer func() { <-s.open }()
			next(w, r)
		default:
			fail(w, batch.ErrBusy)
		}
	}
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]string{"status": "ok"})
}

// modelInfo describes the model in the API's form, with what is ours beside it.
type modelInfo struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
	Context int    `json:"context_length"`
	Family  string `json:"architecture"`
	Chat    string `json:"chat_format,omitempty"` // absent: the model cannot chat
	Kernels string `json:"kernels"`
	// Continues says that return_token_ids and continue_token_ids are taken.
	Continues bool `json:"continues_tokens"`
}

func (s *server) info() modelInfo {
	return modelInfo{s.name, "model", s.started.Unix(), "rerig", s.config.Context, s.model.Family, s.format.Name, matrix.Kernels(), true}
}

func (s *server) models(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"object": "list", "data": []modelInfo{s.info()}})
}

func (s *server) oneModel(w http.ResponseWriter, r *http.Request) {
	if err := s.isOurs(r.PathValue("name")); err != nil {
		fail(w, err)
		return
	}
	answer(w, s.info())
}

// isOurs refuses the name of another model.
func (s *server) isOurs(name string) error {
	switch name {
	case s.name:
		return nil
	case "":
		return &apiError{message: "you must provide a model parameter", param: "model"}
	}
	return &apiError{status: http.StatusNotFound, code: "model_not_found", param: "model",
		message: fmt.Sprintf("the model %q is not served here; %q is", name, s.name)}
}

// apiError is an error in the API's form.
type apiError struct {
	status               int // 0 for 400
	message, param, code string
}

func (e *apiError) Error() string { return e.message }

// bad makes an error about a parameter.
func bad(param, format string, args ...any) error {
	return &apiError{param: param, message: fmt.Sprintf(format, args...)}
}

// describe turns an error into the API's form.
func describe(err error) *apiError {
	var known *apiError
	switch {
	case errors.As(err, &known):
	case errors.Is(err, batch.ErrBusy):
		known = &apiError{status: http.StatusTooManyRequests, code: "rate_limit_exceeded", message: "every slot and the queue are taken; try again later"}
	case errors.Is(err, batch.ErrStopped):
		known = &apiError{status: http.StatusServiceUnavailable, code: "stopping", message: "the server is stopping; ask another"}
	default:
		known = &apiError{message: err.Error()}
	}
	if known.status == 0 {
		known.status = http.StatusBadRequest
	}
	return known
}

// body is the JSON of an error.
func (e *apiError) body() map[string]any {
	kind := "invalid_request_error"
	switch {
	case e.status == http.StatusTooManyRequests:
		kind = "rate_limit_error"
	case e.status >= 500:
		kind = "server_error"
	}
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	return map[string]any{"error": map[string]any{"message": e.message, "type": kind, "param": orNull(e.param), "code": orNull(e.code)}}
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	e := describe(err)
	if e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	json.NewEncoder(w).Encode(e.body()) //nolint:errcheck // the client may be gone, and nobody else wants to know
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the client may be gone, and nobody else wants to know
}

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// apiError is an error in the API's form.
type apiError struct {
	status               int // 0 for 400
	message, param, code string
	retry                time.Duration // Retry-After; 0 for none
	raw                  []byte        // a rig's own answer, passed on as it is; nil for none
}

func (e *apiError) Error() string { return e.message }

// bad is an error about a parameter.
func bad(param, format string, args ...any) *apiError {
	return &apiError{param: param, message: fmt.Sprintf(format, args...)}
}

// kind is the API's word for a status.
func (e *apiError) kind() string {
	switch {
	case e.status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case e.status == http.StatusUnauthorized:
		return "authentication_error"
	case e.status == http.StatusPaymentRequired:
		return "insufficient_quota"
	case e.status >= 500:
		return "server_error"
	}
	return "invalid_request_error"
}

// body is the JSON of the error.
func (e *apiError) body() any {
	if e.raw != nil {
		return json.RawMessage(e.raw)
	}
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	return map[string]any{"error": map[string]any{
		"message": e.message, "type": e.kind(), "param": orNull(e.param), "code": orNull(e.code)}}
}

// describe brings any error into the API's form.
func describe(err error) *apiError {
	var known *apiError
	if !errors.As(err, &known) {
		known = &apiError{status: http.StatusInternalServerError, message: err.Error()}
	}
	if known.status == 0 {
		known.status = http.StatusBadRequest
	}
	return known
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	e := describe(err)
	if e.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.retry+time.Second-1)/time.Second)))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(e.body()) // the client may be gone, and nobody else wants to know
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone, and nobody else wants to know
}

// errNoModel is the answer to the name of a model that nobody serves.
func errNoModel(name string, have []string) *apiError {
	text := fmt.Sprintf("The model `%s` does not exist or no rig within reach serves it", name)
	if len(have) > 0 {
		text += "; there are: " + strings.Join(have, ", ")
	}
	return &apiError{status: http.StatusNotFound, param: "model", code: "model_not_found", message: text}
}

// refusals are why rigs did not take a request.
type refusals struct {
	reasons []string
	busy    int           // that were only busy
	banned  int           // that were not asked, for they failed lately
	retry   time.Duration // the least that one of them asked to wait
}

const maxReasons = 16 // that one error names

func (r *refusals) add(who, why string) {
	if len(r.reasons) < maxReasons {
		r.reasons = append(r.reasons, who+": "+why)
	}
}

func (r *refusals) wait(who string, retry time.Duration) {
	r.add(who, "busy")
	r.busy++
	if r.retry == 0 || retry < r.retry {
		r.retry = retry
	}
}

// err is 429 where rigs are there that do others' work and nothing else went wrong now, else 503.
func (r *refusals) err(model string) *apiError {
	if r.busy > 0 && r.busy+r.banned == len(r.reasons) {
		return &apiError{status: http.StatusTooManyRequests, code: "rate_limit_exceeded", retry: max(r.retry, time.Second),
			message: "every rig that serves " + model + " is busy; try again later"}
	}
	return &apiError{status: http.StatusServiceUnavailable, code: "no_rig", retry: 5 * time.Second,
		message: "no rig could serve " + model + ": " + strings.Join(r.reasons, "; ")}
}

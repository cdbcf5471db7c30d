package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// refusal is an error in the API's form.
type refusal struct {
	status int
	code   string
	text   string
	retry  time.Duration
}

func (e *refusal) Error() string { return e.text }

func busy(text string) *refusal {
	return &refusal{http.StatusTooManyRequests, "rate_limit_exceeded", text, time.Second}
}

func tooLong() *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, "", fmt.Sprintf("the request has more than %d bytes", maxBody), 0}
}

func lost() *refusal {
	return &refusal{http.StatusServiceUnavailable, "server_lost", "the model's server ended while it answered; ask again, or another rig", time.Second}
}

func wrongMethod(r *http.Request, want string) *refusal {
	return &refusal{http.StatusMethodNotAllowed, "", fmt.Sprintf("%.20q is not for this path; %s is", r.Method, want), 0}
}

// body is the JSON of an error.
func (e *refusal) body() []byte {
	kind := "invalid_request_error"
	switch {
	case e.status == http.StatusTooManyRequests:
		kind = "rate_limit_error"
	case e.status >= 500:
		kind = "server_error"
	}
	var code any
	if e.code != "" {
		code = e.code
	}
	raw, err := json.Marshal(map[string]any{"error": map[string]any{"message": e.text, "type": kind, "param": nil, "code": code}})
	if err != nil { // of texts there is none
		return []byte(`{"error":{"message":"","type":"server_error","param":null,"code":null}}`)
	}
	return raw
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) {
	var known *refusal
	var later *unavailableError
	switch {
	case errors.As(err, &known):
	case errors.As(err, &later):
		known = &refusal{http.StatusServiceUnavailable, "model_unavailable", later.why, later.retry}
	default: // the client is gone, or the session
		known = &refusal{http.StatusServiceUnavailable, "session_over", "the session is over", 0}
	}
	if known.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(known.retry.Seconds()))))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(known.status)
	_, _ = w.Write(known.body()) // the client may be gone
}

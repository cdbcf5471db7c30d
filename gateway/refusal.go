package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	maxRefusal = 64 << 10    // bytes of a rig's error
	maxRetry   = time.Minute // that a busy rig is believed to stay so
)

// busyError is a rig that has no room now.
type busyError struct{ retry time.Duration }

func (e *busyError) Error() string { return "busy" }

// refusedError is what a rig's server finds wrong with the request: no rig's fault.
type refusedError struct{ api *apiError }

func (e *refusedError) Error() string { return e.api.message }

// refusal tells what is wrong with the request from what is wrong with the rig.
func refusal(res *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	if err != nil {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	var body struct {
		Error struct {
			Message string `json:"message"`
			Code    any    `json:"code"`
		} `json:"error"`
	}
	// What a server lost on the way is billed, which is not so of what it did not take.
	known := json.Unmarshal(raw, &body) == nil && body.Error.Message != ""
	switch {
	case res.StatusCode == http.StatusTooManyRequests,
		res.StatusCode == http.StatusServiceUnavailable && body.Error.Code != "server_lost":
		retry := time.Second
		if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
			retry = min(time.Duration(s)*time.Second, maxRetry)
		}
		return &busyError{retry}
	case known && slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, res.StatusCode):
		return &refusedError{&apiError{status: res.StatusCode, message: body.Error.Message, raw: raw}}
	}
	if known {
		return fmt.Errorf("%s: %s", res.Status, body.Error.Message)
	}
	return errors.New(res.Status)
}

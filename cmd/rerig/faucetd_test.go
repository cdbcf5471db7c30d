package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestFaucetKeepsOthersOut holds that web pages reach nothing, that only who knows
// the secret ends the network, and that bad requests get no coins.
func TestFaucetKeepsOthersOut(t *testing.T) {
	stopped := false
	f := &faucetServer{secret: "the secret", stop: func() { stopped = true }}
	h := f.handler()
	post := func(path, body string, adjust func(*http.Request)) int {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Host = "127.0.0.1:1234"
		if adjust != nil {
			adjust(r)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	some := `{"address":"0x00000000000000000000000000000000000000aa"}`
	for name, c := range map[string]struct {
		path, body string
		adjust     func(*http.Request)
		want       int
	}{
		"a name that resolves here":  {"/faucet", some, func(r *http.Request) { r.Host = "example.org:1234" }, http.StatusForbidden},
		"a page of another origin":   {"/faucet", some, func(r *http.Request) { r.Header.Set("Origin", "https://example.org") }, http.StatusForbidden},
		"not JSON":                   {"/faucet", "coins", nil, http.StatusBadRequest},
		"no address":                 {"/faucet", "{}", nil, http.StatusBadRequest},
		"a body without end":         {"/faucet", `{"address":"` + strings.Repeat("0", 2*maxFaucetIO), nil, http.StatusBadRequest},
		"stop without a secret":      {"/stop", "", nil, http.StatusForbidden},
		"stop with another's secret": {"/stop", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer a guess") }, http.StatusForbidden},
	} {
		if got := post(c.path, c.body, c.adjust); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	if stopped {
		t.Fatal("stopped without the secret")
	}
	right := func(r *http.Request) { r.Header.Set("Authorization", "Bearer the secret") }
	if got := post("/stop", "", right); got != http.StatusOK || !stopped {
		t.Errorf("with the secret: status %d, stopped %v", got, stopped)
	}
}

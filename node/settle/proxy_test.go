package settle_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rerig/rerig/testnet/chain"
)

// proxy is an RPC endpoint in front of a real chain that may turn hostile.
type proxy struct {
	*httptest.Server
	asked atomic.Int64 // requests that arrived

	mu   sync.Mutex // guards what follows
	chat func(w http.ResponseWriter, r *http.Request) bool
	edit func(method string, request, answer json.RawMessage) json.RawMessage
	drop string // method that is answered without being passed on
}

// message is a JSON-RPC request or answer, one of a batch or alone.
type message struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Ver    string          `json:"jsonrpc"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

func newProxy(t *testing.T, c *chain.Chain) *proxy {
	t.Helper()
	p := &proxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		p.mu.Lock()
		chat, edit, drop := p.chat, p.edit, p.drop
		p.mu.Unlock()
		if chat != nil && chat(w, r) {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var one message
		alone := json.Unmarshal(body, &one) == nil
		if alone && drop != "" && one.Method == drop {
			one.Params, one.Method, one.Result = nil, "", json.RawMessage(`"0x`+string(bytes.Repeat([]byte("0"), 64))+`"`)
			_ = json.NewEncoder(w).Encode(one)
			return
		}
		resp, err := http.Post(c.URL(), "application/json", bytes.NewReader(body))
		if err != nil {
			http.Error(w, "upstream", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			return
		}
		if edit != nil {
			answer = edited(body, answer, edit)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	t.Cleanup(p.Close)
	return p
}

// edited applies edit to each answer.
func edited(body, answer []byte, edit func(method string, request, answer json.RawMessage) json.RawMessage) []byte {
	var asked, said []message
	alone := json.Unmarshal(body, &asked) != nil
	if alone {
		asked, said = make([]message, 1), make([]message, 1)
		if json.Unmarshal(body, &asked[0]) != nil || json.Unmarshal(answer, &said[0]) != nil {
			return answer
		}
	} else if json.Unmarshal(answer, &said) != nil {
		return answer
	}
	for i := range said {
		for _, q := range asked {
			if bytes.Equal(q.ID, said[i].ID) {
				was, _ := json.Marshal(said[i])
				var now message
				if json.Unmarshal(edit(q.Method, q.Params, was), &now) == nil {
					said[i] = now
				}
			}
		}
	}
	var out any = said
	if alone {
		out = said[0]
	}
	text, _ := json.Marshal(out)
	return text
}

// turn makes the endpoint behave.
func (p *proxy) turn(chat func(w http.ResponseWriter, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chat = chat
}

// forge rewrites answers.
func (p *proxy) forge(edit func(method string, request, answer json.RawMessage) json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edit = edit
}

// swallow answers a method itself.
func (p *proxy) swallow(method string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop = method
}

// result is an answer with another result.
func result(answer json.RawMessage, result string) json.RawMessage {
	var m message
	if json.Unmarshal(answer, &m) != nil {
		return answer
	}
	m.Result, m.Error = json.RawMessage(result), nil
	out, _ := json.Marshal(m)
	return out
}

package settle_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// without answers a method without one of its result's parts.
func without(method, part string) func(string, json.RawMessage, json.RawMessage) json.RawMessage {
	return func(asked string, _, answer json.RawMessage) json.RawMessage {
		var m message
		var parts map[string]json.RawMessage
		if asked != method || json.Unmarshal(answer, &m) != nil || json.Unmarshal(m.Result, &parts) != nil || parts == nil {
			return answer
		}
		delete(parts, part)
		rest, _ := json.Marshal(parts)
		return result(answer, string(rest))
	}
}

// A receipt that lacks what the node goes by ends no process: one of no block is none,
// and for the rest another endpoint is asked.
func TestReceiptThatLacksItsParts(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"blockNumber", "blockHash", "effectiveGasPrice"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			c := startChain(t)
			first := newProxy(t, c)
			first.forge(without("eth_getTransactionReceipt", part))
			n := join(t, through(c, newKey(t), first.URL, c.URL()))
			enrich(t, c, n.Address(), 0)
			eventually(t, "the chain is found", n.Online)
			done := background(func() error { _, err := n.DepositNative(t.Context(), amount(5)); return err })
			if part != "effectiveGasPrice" {
				eventually(t, "the deposit is sent", func() bool { return len(n.book.all()) == 1 })
				eventually(t, "the other endpoint has it", func() bool { return nativeAccount(t, c.URL(), n) == amount(5) })
				first.forge(nil)
			}
			if err := await(t, "the deposit is confirmed", done); err != nil {
				t.Fatal(err)
			}
			if txs := n.book.all(); len(txs) != 1 || txs[0].Status != protocol.TxConfirmed || txs[0].Fee.IsZero() {
				t.Errorf("journal:%s", describe(txs))
			}
		})
	}
}

// An event that does not say what it is about is refused, and ends no process.
func TestEventWithoutTopics(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	p := newProxy(t, c)
	cfg := config(c, newKey(t), newBook())
	cfg.RPC = []string{p.URL}
	n := join(t, cfg)
	enrich(t, c, n.Address(), 100)
	n.open(t, n.channel(c, newKey(t).Address(), newKey(t).Address()), 40)
	owners := []protocol.Address{n.Address()}
	if past, err := n.Past(t.Context(), owners, 0); err != nil || len(past.Events) == 0 {
		t.Fatalf("past: %+v, %v", past, err)
	}
	p.forge(func(method string, _, answer json.RawMessage) json.RawMessage {
		var m message
		var logs []map[string]json.RawMessage
		if method != "eth_getLogs" || json.Unmarshal(answer, &m) != nil || json.Unmarshal(m.Result, &logs) != nil {
			return answer
		}
		for _, l := range logs {
			var topics []json.RawMessage
			if json.Unmarshal(l["topics"], &topics) == nil {
				l["topics"], _ = json.Marshal(topics[:1])
			}
		}
		short, _ := json.Marshal(logs)
		return result(answer, string(short))
	})
	if _, err := n.Past(t.Context(), owners, 0); err == nil || !strings.Contains(err.Error(), "has 1 topics") {
		t.Errorf("past: %v", err)
	}
}

// What an endpoint says in place of an answer does not fill logs.
func TestLongRefusalIsToldInShort(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	p := newProxy(t, c)
	n := join(t, through(c, newKey(t), p.URL))
	eventually(t, "the chain is found", n.Online)
	for what, size := range map[string]int{"500": 32 << 10, "headers exceeded": 1 << 20} {
		p.turn(func(w http.ResponseWriter, _ *http.Request) bool {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("HTTP/1.1 500 " + strings.Repeat("x", size) + "\r\nContent-Length: 0\r\n\r\n"))
				conn.Close()
			}
			return true
		})
		eventually(t, what, func() bool { return strings.Contains(n.Status().Reason, what) })
		if reason := n.Status().Reason; len(reason) > 1000 {
			t.Errorf("%d bytes", len(reason))
		}
	}
	p.turn(nil)
}

package testnet_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/rerig/rerig/protocol"
)

// hidesEvents is an RPC endpoint that answers everything but has no events. asked is
// the first block of the last search for them.
func hidesEvents(t *testing.T, upstream string, asked *atomic.Uint64) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		var one struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params []struct {
				From hexutil.Uint64 `json:"fromBlock"`
			} `json:"params"`
		}
		if bytes.Contains(body, []byte(`"eth_getLogs"`)) && json.Unmarshal(body, &one) == nil && len(one.Params) == 1 {
			asked.Store(uint64(one.Params[0].From))
			_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": one.ID, "result": []any{}})
			return
		}
		resp, err := http.Post(upstream, "application/json", bytes.NewReader(body))
		if err != nil {
			http.Error(w, "upstream", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// A rig whose endpoint hides events sees the close of a channel all the same, when
// the hour is over: it goes by the channels' states.
func TestHourlyLookNeedsNoEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Cleanup(w.end)
	w.do("net grace=24h", "rig alice later price=0.000001 poll=20ms", "requester bob tokens=1000")
	var asked atomic.Uint64
	var ahead atomic.Int64 // of the rig's clock
	rig := w.member("alice")
	rig.config.RPC = []string{hidesEvents(t, w.net().Chain.URL(), &asked)}
	rig.config.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w.do("restart alice")
	w.bought("job", "bob", "0.000002")
	w.waitsForEvents(rig, &asked)

	if _, err := w.member("bob").client.CloseChannel(t.Context(), protocol.Hash{}); err != nil {
		t.Fatal(err)
	}
	if info := w.sees(rig); info.Rig.Promised.IsZero() {
		t.Error("the rig collected without having seen the close")
	}
	ahead.Store(int64(61 * time.Minute))
	w.do("chain mine", "until alice owed=0")
}

// waitsForEvents lets a rig read its channels once more, so that it asks for the
// events of later blocks only.
func (w *world) waitsForEvents(rig *member, asked *atomic.Uint64) {
	w.t.Helper()
	w.do("chain mine")
	for looked := w.net().Chain.Height(); ; w.do("chain mine") {
		if w.sees(rig); asked.Load() > looked {
			return
		}
	}
}

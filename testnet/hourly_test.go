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

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
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
	ctx := t.Context()
	n, err := testnet.Start(ctx, testnet.Options{Dir: w.dir, CloseGrace: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	var asked atomic.Uint64
	rpc := hidesEvents(t, n.Chain.URL(), &asked)
	var ahead atomic.Int64 // of the rig's clock
	rig, err := n.Add(ctx, "rig", func(c *node.Config) {
		c.RPC, c.Poll = []string{rpc}, 20*time.Millisecond
		c.Clock = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		c.Rig = &node.RigConfig{Price: protocol.NewAmount(1), Slots: 1, TickUnits: 200, Warm: 1}
	})
	if err != nil {
		t.Fatal(err)
	}
	payer, err := n.Add(ctx, "payer", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*testnet.Member{rig, payer} {
		if err := n.Endow(ctx, m.Node.Address()); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Ready(ctx, payer, 1); err != nil {
		t.Fatal(err)
	}
	st, err := payer.Submit(ctx, &node.RunRequest{Module: "testdata/guest.wasm", Args: []string{"print", "x"}, Budget: protocol.NewAmount(2)})
	if err != nil {
		t.Fatal(err)
	}
	if err := poll(ctx, func() (bool, error) {
		got, err := payer.Run(ctx, st.ID.String())
		return err == nil && got.Ended, err
	}); err != nil {
		t.Fatal(err)
	}
	// The rig reads the new channel once more; then it waits for an event.
	n.Chain.Mine(1)
	looked := n.Chain.Height()
	if err := poll(ctx, func() (bool, error) {
		if info, err := rig.Info(ctx); err != nil || info.Chain.Head < n.Chain.Height() {
			return false, err
		}
		if asked.Load() > looked {
			return true, nil
		}
		n.Chain.Mine(1)
		return false, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := payer.CloseChannel(ctx, protocol.Hash{}); err != nil {
		t.Fatal(err)
	}
	owed := func() protocol.Amount {
		info, err := rig.Info(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return info.Rig.Promised
	}
	if err := poll(ctx, func() (bool, error) {
		info, err := rig.Info(ctx)
		return err == nil && info.Chain.Head >= n.Chain.Height(), err
	}); err != nil {
		t.Fatal(err)
	}
	if owed().IsZero() {
		t.Error("the rig collected without having seen the close")
	}
	ahead.Store(int64(61 * time.Minute))
	n.Chain.Mine(1)
	if err := poll(ctx, func() (bool, error) { return owed().IsZero(), nil }); err != nil {
		t.Fatalf("the rig did not collect: %v", err)
	}
}

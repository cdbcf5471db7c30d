package gateway

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// TestCrowd: two hundred streams at once come whole, over sessions of which none has more
// than a rig takes.
func TestCrowd(t *testing.T) {
	const streams = 200
	m := &fakeMarket{}
	var open atomic.Int64
	all := make(chan struct{})
	rig := m.rig(t, 1, scripted(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")
		http.NewResponseController(w).Flush()
		if open.Add(1) == streams {
			close(all)
		}
		select {
		case <-all:
		case <-r.Context().Done():
			return
		}
		says(w, `{"content":"b"}`, `{}`)
	}))
	c := begin(t, m, nil)
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			res, raw := c.post("/v1/chat/completions", `{`+chat+`,"max_tokens":10,"stream":true}`)
			if said, _, _ := c.strict(raw); res.StatusCode != http.StatusOK || said != "ab" {
				t.Errorf("%d %s", res.StatusCode, raw)
			}
		})
	}
	wg.Wait()
	rig.mu.Lock()
	defer rig.mu.Unlock()
	if len(rig.sessions) < 2 {
		t.Error("one session has them all")
	}
	for _, s := range rig.sessions {
		if s.dials > maxUsers+1 {
			t.Error(fmt.Sprint("a session has ", s.dials, " connections"))
		}
	}
}

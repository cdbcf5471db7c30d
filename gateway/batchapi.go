package gateway

import (
	"crypto/rand"
	"errors"
	"net/http"
)

func (g *Gateway) createBatch(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Input    string            `json:"input_file_id"`
		Endpoint string            `json:"endpoint"`
		Window   string            `json:"completion_window"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := readJSON(w, r, 64<<10, &q); err != nil {
		fail(w, err)
		return
	}
	owner := keyOf(r.Context()).name()
	var err error
	switch {
	case formOf(q.Endpoint) == nil:
		err = bad("endpoint", "'%s' is not one of ['/v1/chat/completions', '/v1/completions', '/v1/embeddings']", q.Endpoint)
	case q.Window != "24h":
		err = bad("completion_window", "'%s' is not one of ['24h']", q.Window)
	case len(q.Metadata) > maxMetadata:
		err = bad("metadata", "%d pairs, at most %d", len(q.Metadata), maxMetadata)
	default:
		if _, err = g.store.find(owner, q.Input); err == nil {
			err = errors.Join(g.batches.room(owner), g.store.room(owner))
		}
	}
	if err != nil {
		fail(w, err)
		return
	}
	expires := g.clock().Add(batchWindow).Unix()
	b := &batch{ID: "batch_" + rand.Text(), Object: "batch", Endpoint: q.Endpoint, Input: q.Input, Window: q.Window, Status: batchValidating,
		Created: g.clock().Unix(), Expires: &expires, Metadata: q.Metadata, owner: owner}
	bs := g.batches
	bs.mu.Lock()
	err = put(bs.db, b)
	view := *b
	if err == nil {
		bs.open[b.ID] = b
	}
	bs.mu.Unlock()
	if err != nil {
		fail(w, err)
		return
	}
	bs.nudge()
	answer(w, &view)
}

func (g *Gateway) oneBatch(w http.ResponseWriter, r *http.Request) {
	b, err := g.batches.find(keyOf(r.Context()).name(), r.PathValue("id"))
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, b)
}

func (g *Gateway) cancelBatch(w http.ResponseWriter, r *http.Request) {
	bs, owner, id := g.batches, keyOf(r.Context()).name(), r.PathValue("id")
	if _, err := bs.find(owner, id); err != nil {
		fail(w, err)
		return
	}
	bs.mu.Lock()
	b := bs.open[id]
	if b != nil && b.Status != batchCancelling {
		before, now := *b, g.clock().Unix()
		b.Status, b.Cancelling = batchCancelling, &now
		if err := put(bs.db, b); err != nil {
			*b = before
			bs.mu.Unlock()
			fail(w, err)
			return
		}
		if stop := bs.cancel[id]; stop != nil {
			stop()
		}
	}
	bs.mu.Unlock()
	if b == nil {
		fail(w, &apiError{status: http.StatusConflict, message: "batch " + id + " is over already"})
		return
	}
	bs.nudge()
	g.oneBatch(w, r)
}

func (g *Gateway) listBatches(w http.ResponseWriter, r *http.Request) {
	limit, err := pageSize(r)
	if err != nil {
		fail(w, err)
		return
	}
	list, err := g.batches.list(keyOf(r.Context()).name(), r.URL.Query().Get("after"), limit+1)
	if err != nil {
		fail(w, err)
		return
	}
	page := map[string]any{"object": "list", "has_more": len(list) > limit, "first_id": nil, "last_id": nil}
	if list = list[:min(limit, len(list))]; len(list) > 0 {
		page["first_id"], page["last_id"] = list[0].ID, list[len(list)-1].ID
	}
	page["data"] = list
	answer(w, page)
}

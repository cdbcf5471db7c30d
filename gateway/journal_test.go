package gateway

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
)

// TestJournalWritesWhatWaits: what requests cost is written down before the gateway ends.
func TestJournalWritesWhatWaits(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range maxPending {
		j.add(entry{At: time.Now(), Key: "k", Cost: protocol.NewAmount(3)})
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.run(over); err != nil {
		t.Fatal(err)
	}
	j.add(entry{}) // nobody writes it, and nobody is held up
	spent, err := j.spent()
	if err != nil || spent["k"] != protocol.NewAmount(3*maxPending) {
		t.Errorf("%v, %v", spent, err)
	}
	if err := j.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestEveryRequestIsWritten: a gateway that ends behind many requests has them all in its journal.
func TestEveryRequestIsWritten(t *testing.T) {
	m := &fakeMarket{}
	m.rig(t, 1, scripted(func(w http.ResponseWriter, _ *http.Request) { says(w, `{"content":"hi"}`, `{}`) }))
	c := begin(t, m, nil)
	const requests = 60
	for range requests {
		if res, raw := c.post("/v1/chat/completions", `{`+chat+`}`); res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", res.StatusCode, raw)
		}
	}
	c.stop()
	j, err := openJournal(c.g.config.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.db.Close()
	var n int
	if err := j.db.QueryRow("SELECT count(*) FROM requests WHERE cost = '3'").Scan(&n); err != nil || n != requests {
		t.Errorf("%d requests of %d, %v", n, requests, err)
	}
}

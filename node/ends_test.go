package node

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

func openJournal(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- j.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := errors.Join(j.Close(), <-ran); err != nil {
			t.Error(err)
		}
	})
	return j
}

// job is a requester's under way that began in that millisecond.
func job(created uint64) protocol.Record {
	rec := protocol.Record{Job: protocol.Job{Role: protocol.RoleRequester, State: protocol.StateRunning}, Created: created, Updated: created}
	binary.BigEndian.PutUint64(rec.Job.ID[:], created)
	return rec
}

// However many jobs a crash left under way, none stands as running after the start.
func TestRestartEndsEveryJob(t *testing.T) {
	t.Parallel()
	n := &Node{journal: openJournal(t, t.TempDir()), log: slog.New(slog.DiscardHandler), cfg: Config{Clock: time.Now}}
	const jobs = journal.MaxLimit + 1
	var puts sync.WaitGroup
	for i := range uint64(jobs) {
		puts.Go(func() {
			if err := n.journal.PutRecord(t.Context(), job(i+1)); err != nil {
				t.Error(err)
			}
		})
	}
	puts.Wait()
	if err := n.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := n.journal.Records(t.Context(), journal.Query{Active: true})
	if err != nil || len(left) > 0 {
		t.Errorf("%d jobs of %d are under way after the start, %v", len(left), jobs, err)
	}
}

// The end of a job that could not be written is written before the node is gone, also
// when it goes at once.
func TestEndIsWrittenBeforeTheNodeGoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n, err := New(Config{DataDir: dir, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Profile: &Profile{Name: "local",
		RPC: []string{"http://127.0.0.1:1"}, ChainID: 31337, Escrow: "0x1000000000000000000000000000000000000001",
		Token: "0x2000000000000000000000000000000000000002", TokenSymbol: "tUSDC", TokenDecimals: 6, Local: true}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ran := make(chan error, 1)
	go func() { ran <- n.Run(ctx) }()
	<-n.Started()
	rec := job(1)
	rec.Job.State, rec.Job.Ended, rec.Job.Reason = protocol.StateFailed, true, protocol.ReasonTrap
	unwritten, give := context.WithCancel(ctx)
	give()
	if err := n.ends.put(unwritten, rec); !errors.Is(err, context.Canceled) {
		t.Fatalf("put: %v", err)
	}
	stop()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	got, err := openJournal(t, dir).Record(t.Context(), protocol.RoleRequester, rec.Job.ID)
	if err != nil || got.Job.Reason != protocol.ReasonTrap {
		t.Errorf("it ended by %q, %v", got.Job.Reason, err)
	}
}

package testnet_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// usage is what the process and its data directories hold at rest.
type usage struct {
	heap        uint64 // bytes, after a collection
	descriptors int
	goroutines  int
	files       int // in the data directories, without the runs' logs, and temporary ones
}

// TestThousandJobs buys a thousand jobs, eight at a time, and holds what is in use
// afterwards against what was after a hundred: a node may run for years.
func TestThousandJobs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	dir := shortDir(t)
	t.Setenv("TMPDIR", dir)
	net, err := testnet.Start(ctx, testnet.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	rig, buyer := twoParties(ctx, t, net)
	module, err := filepath.Abs("testdata/guest.wasm")
	if err != nil {
		t.Fatal(err)
	}
	buyMany(ctx, t, buyer, module, 0, 100)
	early := measure(t, dir)
	begin := time.Now()
	buyMany(ctx, t, buyer, module, 100, 1000)
	t.Logf("%.1f jobs a second", 900/time.Since(begin).Seconds())
	late := measure(t, dir)
	t.Logf("after 100 jobs %+v, after 1000 %+v", early, late)
	for _, m := range []string{"rig", "buyer"} {
		if info, err := os.Stat(filepath.Join(dir, m, "journal.db")); err == nil {
			t.Logf("journal of the %s: %d bytes a job", m, info.Size()/1000)
		}
	}

	// The last 1,024 runs and a cache of the journal's pages stay in memory.
	const perRun = 16 << 10
	if late.heap > early.heap+900*perRun {
		t.Errorf("heap grew from %d to %d bytes", early.heap, late.heap)
	}
	// Connections and sandboxes kept ready come and go by a few.
	for _, c := range []struct {
		what        string
		early, late int
	}{
		{"descriptors", early.descriptors, late.descriptors}, {"goroutines", early.goroutines, late.goroutines},
		{"files", early.files, late.files},
	} {
		if c.late > c.early+20 {
			t.Errorf("%s grew from %d to %d", c.what, c.early, c.late)
		}
	}
	info, err := rig.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if info.Rig.Jobs != 1000 || info.Rig.Earned != protocol.NewAmount(1000) || info.Rig.FreeSlots != 8 {
		t.Errorf("rig: %+v", info.Rig)
	}
	txs, err := rig.Collect(ctx)
	if err != nil || len(txs.Txs) != 1 {
		t.Errorf("collected with %+v, %v", txs, err)
	}
}

// twoParties adds a rig with eight slots and a requester, with money, who have met.
func twoParties(ctx context.Context, t *testing.T, net *testnet.Net) (rig, buyer *testnet.Member) {
	t.Helper()
	rig, err := net.Add(ctx, "rig", func(c *node.Config) {
		c.Rig = &node.RigConfig{Price: protocol.NewAmount(1), Slots: 8}
	})
	if err != nil {
		t.Fatal(err)
	}
	buyer, err = net.Add(ctx, "buyer", func(c *node.Config) { c.Deposit = protocol.NewAmount(1_000_000) })
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*testnet.Member{rig, buyer} {
		if err := net.Endow(ctx, m.Node.Address()); err != nil {
			t.Fatal(err)
		}
	}
	if err := net.Ready(ctx, buyer, 1); err != nil {
		t.Fatal(err)
	}
	return rig, buyer
}

// buyMany buys the jobs numbered from up to below to, eight at a time.
func buyMany(ctx context.Context, t *testing.T, buyer *testnet.Member, module string, from, to int) {
	t.Helper()
	var jobs errgroup.Group
	jobs.SetLimit(8)
	for i := from; i < to; i++ {
		jobs.Go(func() error {
			st, err := buyer.Submit(ctx, &node.RunRequest{Module: module, Args: []string{"print", fmt.Sprint(i)}, Budget: protocol.NewAmount(2)})
			if err != nil {
				return err
			}
			var last node.RunStatus
			var out strings.Builder
			err = buyer.Follow(ctx, st.ID.String(), true, func(ev node.Event) error {
				out.Write(ev.Data)
				if ev.Status != nil {
					last = *ev.Status
				}
				return nil
			})
			if err == nil && (!last.Succeeded() || out.String() != fmt.Sprintln(i)) {
				err = fmt.Errorf("job %d: %s %s %s, output %q", i, last.State, last.Reason, last.Detail, out.String())
			}
			return err
		})
	}
	if err := jobs.Wait(); err != nil {
		t.Fatal(err)
	}
}

// measure counts when the process is at rest: the lowest of some looks.
func measure(t *testing.T, dir string) usage {
	t.Helper()
	var best usage
	for i := range 10 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		u := usage{heap: m.HeapAlloc, goroutines: runtime.NumGoroutine()}
		if fds, err := os.ReadDir("/proc/self/fd"); err == nil { // elsewhere none are counted
			u.descriptors = len(fds)
		}
		u.files = countFiles(t, dir)
		if i == 0 {
			best = u
		}
		best = usage{min(best.heap, u.heap), min(best.descriptors, u.descriptors), min(best.goroutines, u.goroutines),
			min(best.files, u.files)}
		runtime.Gosched()
	}
	return best
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil // a job ended meanwhile
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "runs":
			return fs.SkipDir
		case !d.IsDir():
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

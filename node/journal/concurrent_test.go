package journal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rerig/rerig/protocol"
)

func TestConcurrentJobsNeverOverPromise(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id := ch.ID()
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	var won atomic.Int32
	var jobs, watch sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		watch.Go(func() { // a status page, reading all the while
			for {
				out, err := j.OutChannel(ctx, id)
				sum, serr := out.Promised.Add(out.Reserved)
				if err != nil || serr != nil || amt(100).Less(sum) {
					t.Errorf("promised and reserved %s of 100: %v %v", sum, err, serr)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for n := range uint64(24) {
		jobs.Go(func() {
			if err := j.Reserve(ctx, id, num(n), amt(10)); err != nil {
				if !errors.As(err, new(*InsufficientError)) {
					t.Error(err)
				}
				return
			}
			won.Add(1)
			if err := j.ReserveIn(ctx, id, num(n), amt(10)); err != nil {
				t.Error(err)
			}
			for total := uint64(1); total <= 10; total++ {
				v, err := j.Promise(ctx, id, num(n), amt(total))
				if err == nil {
					_, err = j.Credit(ctx, id, num(n), protocol.SignedVoucher{Voucher: v, Signature: protocol.Signature{1}}, amt(total))
				}
				if err == nil {
					err = j.PutRecord(ctx, record(protocol.RoleRig, n, total))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	jobs.Wait()
	close(stop)
	watch.Wait()
	if won.Load() != 10 {
		t.Errorf("%d jobs of 10 base units fit into 100", won.Load())
	}
	wantOut(t, j, id, 100, 0)
	wantIn(t, j, id, 100, 100, 0)
}

func TestOneBadWriteSparesItsBatch(t *testing.T) {
	j, ctx := start(t, t.TempDir(), Options{}), t.Context()
	bad := errors.New("after a change")
	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			if n%3 != 0 {
				if err := j.PutMeta(ctx, string(rune('A'+n)), []byte{1}); err != nil {
					t.Error(err)
				}
				return
			}
			err := j.write(ctx, func(w *tx) error {
				if err := w.exec("INSERT INTO meta (key, value) VALUES (?, x'')", "half"); err != nil {
					return err
				}
				return bad
			})
			if !errors.Is(err, bad) {
				t.Errorf("error %v, want %v", err, bad)
			}
		})
	}
	wg.Wait()
	for n := range 60 {
		_, err := j.Meta(ctx, string(rune('A'+n)))
		if n%3 != 0 && err != nil {
			t.Error(err)
		}
	}
	_, err := j.Meta(ctx, "half")
	wantIs(t, err, ErrNotFound)
}

// A caller that is stopped is told whether its change was made: a budget of which
// nobody knew that it is reserved would be released by nobody.
func TestStoppedCallerKnowsWhatWasReserved(t *testing.T) {
	t.Parallel()
	j, ch := start(t, t.TempDir(), Options{}), channel(1)
	must(t, j.SetInChannel(t.Context(), domain, ch, funded(100)))
	ctx, stop := context.WithCancel(t.Context())
	must(t, j.write(ctx, func(w *tx) error {
		stop()
		return w.reserve(protocol.RoleRig, ch.ID(), num(1), amt(60))
	}))
	wantIn(t, j, ch.ID(), 0, 0, 60)
	wantIs(t, j.write(ctx, func(w *tx) error {
		return w.reserve(protocol.RoleRig, ch.ID(), num(2), amt(40))
	}), context.Canceled)
	wantIn(t, j, ch.ID(), 0, 0, 60)
}

func TestFailingDiskStopsTheJournal(t *testing.T) {
	dir := t.TempDir()
	file := fill(t, dir, 200)
	j, err := Open(dir, Options{})
	must(t, err)
	b, err := os.ReadFile(file)
	must(t, err)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, len(b)-pageSize), pageSize)
	must(t, errors.Join(err, f.Close()))
	ran := make(chan error, 1)
	go func() { ran <- j.Run(t.Context()) }()
	for n := uint64(1000); err == nil; n++ {
		err = j.PutRecord(t.Context(), record(protocol.RoleRig, n, n))
	}
	wantIs(t, err, ErrDamaged)
	wantIs(t, <-ran, ErrDamaged)
	wantIs(t, j.PutMeta(t.Context(), "k", nil), ErrDamaged)
	must(t, j.Close())
}

package journal

import (
	"compress/gzip"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

func wantTotals(t *testing.T, j *Journal, jobs int, earned, spent uint64) {
	t.Helper()
	wantTotalsOf(t, j, jobs, earned, jobs, spent)
}

func wantTotalsOf(t *testing.T, j *Journal, sold int, earned uint64, bought int, spent uint64) {
	t.Helper()
	n, amount, err := j.Earned(t.Context(), 0)
	must(t, err)
	m, paid, err := j.Spent(t.Context(), 0)
	must(t, err)
	if n != sold || m != bought || amount != amt(earned) || paid != amt(spent) {
		t.Fatalf("%d jobs earned %s and %d cost %s, want %d with %d and %d with %d", n, amount, m, paid, sold, earned, bought, spent)
	}
}

// TestTotalsAreKept over vouchers that pay nothing new, and over an upgrade of a
// file that has none.
func TestTotalsAreKept(t *testing.T) {
	dir, ctx, ch := t.TempDir(), t.Context(), channel(1)
	j := start(t, dir, Options{})
	wantTotals(t, j, 0, 0, 0)
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	for n := range uint64(3) {
		must(t, j.ReserveIn(ctx, ch.ID(), num(n), amt(30)))
		must(t, j.Reserve(ctx, ch.ID(), num(n), amt(30)))
	}
	for _, total := range []uint64{5, 5, 20} {
		for n := range uint64(2) {
			_, err := j.Promise(ctx, ch.ID(), num(n), amt(total))
			must(t, err)
			_, err = j.Credit(ctx, ch.ID(), num(n), voucher(ch, 0, 50), amt(total-1))
			must(t, err)
		}
	}
	_, err := j.Credit(ctx, ch.ID(), num(2), voucher(ch, 0, 60), amt(0)) // a higher voucher, for nothing
	must(t, err)
	wantTotals(t, j, 2, 38, 40)
	must(t, j.Close())

	alter(t, filepath.Join(dir, FileName), "DROP TABLE totals; DROP TABLE groups; DROP TABLE members; PRAGMA user_version = 1")
	j = start(t, dir, Options{})
	wantTotals(t, j, 2, 38, 40)
}

// TestFileOfTheFirstSchemaIsUpgraded opens one that the last rerig of that schema
// wrote: three jobs of each side, two of them paid.
func TestFileOfTheFirstSchemaIsUpgraded(t *testing.T) {
	t.Parallel()
	dir, ctx, ch := t.TempDir(), t.Context(), channel(1)
	packed, err := os.Open(filepath.Join("testdata", "schema1.db.gz"))
	must(t, err)
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	must(t, err)
	old, err := io.ReadAll(unpacked)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, FileName), old, 0o600))
	j := start(t, dir, Options{})
	wantTotals(t, j, 2, 38, 40)
	wantIn(t, j, ch.ID(), 50, 38, 52)
	wantOut(t, j, ch.ID(), 40, 40)
	recs, err := j.Records(ctx, Query{Role: protocol.RoleRig})
	must(t, err)
	if len(recs) != 3 || !reflect.DeepEqual(recs[2], record(protocol.RoleRig, 0, 0)) {
		t.Errorf("records %+v", recs)
	}
	pending, err := j.PendingTxs(ctx, addr(1), domain.ChainID)
	if err != nil || len(pending) != 1 || pending[0].Nonce != 3 {
		t.Errorf("transactions %+v, %v", pending, err)
	}
	_, err = j.Credit(ctx, ch.ID(), num(2), voucher(ch, 0, 60), amt(5))
	must(t, err)
	wantTotalsOf(t, j, 3, 43, 2, 40)
}

// TestListsDoNotSort: a list of a hundred of a million jobs reads a hundred.
func TestListsDoNotSort(t *testing.T) {
	j := start(t, t.TempDir(), Options{})
	run := num(1)
	for _, q := range []Query{{}, {Role: protocol.RoleRig}, {Role: protocol.RoleRequester, Active: true}, {Active: true}, {Run: &run}, {Before: 7, Limit: 3}} {
		text, args := q.text()
		must(t, j.view(t.Context(), func(r reader) error {
			return each(r, "EXPLAIN QUERY PLAN "+text, args, func(scan func(...any) error) error {
				var id, parent, unused int
				var detail sql.NullString
				err := scan(&id, &parent, &unused, &detail)
				if s := detail.String; strings.HasPrefix(s, "SCAN jobs") && !strings.Contains(s, "USING") || s == "USE TEMP B-TREE FOR ORDER BY" {
					t.Errorf("%+v: %s", q, s)
				}
				return err
			})
		}))
	}
}

// TestListedChannelsAreAsTheyAreAlone: the lists read all reservations at once.
func TestListedChannelsAreAsTheyAreAlone(t *testing.T) {
	j, ctx := start(t, t.TempDir(), Options{}), t.Context()
	for n := range byte(3) {
		ch := channel(n + 1)
		must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
		must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
		for i := range uint64(4) {
			job := num(uint64(n)*10 + i)
			must(t, j.ReserveIn(ctx, ch.ID(), job, amt(20+i)))
			must(t, j.Reserve(ctx, ch.ID(), job, amt(10+i)))
			_, err := j.Promise(ctx, ch.ID(), job, amt(3*i))
			must(t, err)
		}
		must(t, j.Release(ctx, num(uint64(n)*10+1)))
		if n == 1 { // its reservations are void
			must(t, j.SetInChannel(ctx, domain, ch, protocol.ChannelState{Funded: amt(50), Epoch: 1}))
			must(t, j.SetOutChannel(ctx, domain, ch, protocol.ChannelState{Funded: amt(50), Epoch: 1}))
		}
	}
	in, err := j.InChannels(ctx)
	must(t, err)
	out, err := j.OutChannels(ctx)
	must(t, err)
	if len(in) != 3 || len(out) != 3 {
		t.Fatalf("%d and %d channels are listed", len(in), len(out))
	}
	for i := range in {
		alone, err := j.InChannel(ctx, in[i].Channel.ID())
		must(t, err)
		if in[i] != alone {
			t.Errorf("listed as %+v, alone %+v", in[i], alone)
		}
		paid, err := j.OutChannel(ctx, out[i].Channel.ID())
		must(t, err)
		if out[i] != paid {
			t.Errorf("listed as %+v, alone %+v", out[i], paid)
		}
	}
}

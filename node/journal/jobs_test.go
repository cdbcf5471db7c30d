package journal

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rerig/rerig/protocol"
)

func record(role protocol.Role, n, created uint64) protocol.Record {
	return protocol.Record{
		Job:     protocol.Job{ID: num(n), Role: role, State: protocol.StateRunning, Domain: domain, Paid: amt(n), MaxTotal: amt(1 << 40)},
		Name:    fmt.Sprint("job ", n),
		Peer:    "16Uiu2HAm",
		Spec:    []byte("the same spec"),
		Channel: channel(1),
		RigSig:  protocol.Signature{1, 2, 3},
		Created: created, Updated: created,
		Run: num(n + 1000),
	}
}

func TestRecordComesBackWhole(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	j := start(t, dir, Options{})
	bought, sold := record(protocol.RoleRequester, 1, 10), record(protocol.RoleRig, 1, 10)
	for _, rec := range []protocol.Record{bought, sold} {
		must(t, j.PutRecord(ctx, rec))
	}
	sold.Job.Ended, sold.Job.State, sold.Updated, sold.OutSize, sold.Spec = true, protocol.StateSettled, 20, 1<<63, []byte("other")
	must(t, j.PutRecord(ctx, sold))
	_, err := j.Record(ctx, protocol.RoleRig, num(2))
	wantIs(t, err, ErrNotFound)
	must(t, j.Close())

	j = start(t, dir, Options{})
	for _, want := range []protocol.Record{bought, sold} {
		got, err := j.Record(ctx, want.Job.Role, want.Job.ID)
		must(t, err)
		if got.Job != want.Job || !slices.Equal(got.Spec, want.Spec) || got.OutSize != want.OutSize {
			t.Fatal(cmp.Diff(want.Name, got.Name), got)
		}
		text := func(r protocol.Record) string { return fmt.Sprintf("%+v", r) }
		if diff := cmp.Diff(text(want), text(got)); diff != "" {
			t.Fatal(diff)
		}
	}
	bad := bought
	bad.Job.Role = "miner"
	wantAs[*protocol.FieldError](t, j.PutRecord(ctx, bad))
}

func names(recs []protocol.Record) (list []string) {
	for _, r := range recs {
		list = append(list, r.Name)
	}
	return list
}

func TestRecordsPageNewestFirst(t *testing.T) {
	j, ctx := start(t, t.TempDir(), Options{}), t.Context()
	run := num(7777)
	for n := uint64(1); n <= 6; n++ {
		rec := record(protocol.RoleRequester, n, 100*((n+1)/2)) // two in each moment
		rec.Job.Ended = n%2 == 0
		if n > 4 {
			rec.Run = run
		}
		must(t, j.PutRecord(ctx, rec))
	}
	must(t, j.PutRecord(ctx, record(protocol.RoleRig, 50, 250)))
	for _, tt := range []struct {
		q    Query
		want []string
	}{
		{Query{}, []string{"job 5", "job 6", "job 50", "job 3", "job 4", "job 1", "job 2"}},
		{Query{Role: protocol.RoleRequester, Limit: 1}, []string{"job 5", "job 6"}}, // a moment is never split
		{Query{Role: protocol.RoleRequester, Limit: 3}, []string{"job 5", "job 6", "job 3", "job 4"}},
		{Query{Role: protocol.RoleRequester, Limit: 1, Before: 300}, []string{"job 3", "job 4"}},
		{Query{Role: protocol.RoleRequester, Before: 100}, nil},
		{Query{Role: protocol.RoleRig}, []string{"job 50"}},
		{Query{Active: true}, []string{"job 5", "job 50", "job 3", "job 1"}},
		{Query{Run: &run}, []string{"job 5", "job 6"}},
		{Query{Run: &run, Active: true, Before: 1 << 63}, []string{"job 5"}},
	} {
		got, err := j.Records(ctx, tt.q)
		must(t, err)
		if diff := cmp.Diff(tt.want, names(got)); diff != "" {
			t.Errorf("%+v: %s", tt.q, diff)
		}
	}
}

func TestFindByPrefix(t *testing.T) {
	j, ctx := start(t, t.TempDir(), Options{}), t.Context()
	put := func(id, run string, name string, created uint64) {
		t.Helper()
		rec := record(protocol.RoleRequester, 0, created)
		rec.Name = name
		for dst, s := range map[*protocol.Hash]string{&rec.Job.ID: id, &rec.Run: run} {
			_, high, err := idRange(s)
			must(t, err)
			*dst = high
		}
		must(t, j.PutRecord(ctx, rec))
	}
	put("abcd1", "99990", "first", 1)
	put("abce2", "99990", "second", 2)
	for i := range 6 {
		put(fmt.Sprintf("77770%d", i), fmt.Sprintf("5555%d", i), fmt.Sprint("many ", i), 3)
	}
	for prefix, want := range map[string]string{
		"abcd": "first", "0xabcd1": "first", "0XABCE2": "second", "abce2f": "second",
		"9999":              "second", // a run is its newest attempt
		num(0).String()[:6]: "", "777705": "many 5", "55553": "many 3",
	} {
		got, err := j.Find(ctx, protocol.RoleRequester, prefix)
		if want == "" {
			wantIs(t, err, ErrNotFound)
			continue
		}
		must(t, err)
		if got.Name != want {
			t.Errorf("%s finds %q, want %q", prefix, got.Name, want)
		}
	}
	_, err := j.Find(ctx, protocol.RoleRequester, "7777")
	if e := wantAs[*AmbiguousError](t, err); len(e.Candidates) != 5 || !e.More {
		t.Fatalf("got %+v", e)
	}
	_, err = j.Find(ctx, protocol.RoleRequester, "55555")
	must(t, err)
	_, err = j.Find(ctx, protocol.RoleRig, "abcd")
	wantIs(t, err, ErrNotFound)
	for _, bad := range []string{"", "abc", "0xabc", "abcg", "0x" + num(1).String()[2:] + "0"} {
		_, err := j.Find(ctx, protocol.RoleRequester, bad)
		wantAs[*protocol.FieldError](t, err)
	}
}

func TestTransactionsByNonce(t *testing.T) {
	j, ctx, from := start(t, t.TempDir(), Options{}), t.Context(), addr(3)
	_, known, err := j.NextNonce(ctx, from, 1)
	must(t, err)
	if known {
		t.Fatal("an empty journal knows a nonce")
	}
	txs := []protocol.Tx{
		{Hash: num(1), Nonce: 6, Kind: "open", Status: protocol.TxPending, Created: 10, Raw: []byte{1}, Fee: amt(1 << 60)},
		{Hash: num(2), Nonce: 5, Kind: "deposit", Detail: "5 µUSDC", Status: protocol.TxPending, Created: 20, Raw: []byte{2}},
		{Hash: num(3), Nonce: 4, Kind: "redeem", Status: protocol.TxConfirmed, Created: 30, Block: 1 << 63, GasUsed: 21000, Raw: []byte{}},
	}
	for i := range txs {
		txs[i].From, txs[i].ChainID = from, 1
		must(t, j.PutTx(ctx, txs[i]))
	}
	other := txs[0]
	other.Hash, other.ChainID, other.Nonce, other.Created, other.Raw = num(4), 2, 99, 1, nil
	must(t, j.PutTx(ctx, other))
	other.Raw = []byte{}

	nonce, known, err := j.NextNonce(ctx, from, 1)
	must(t, err)
	if !known || nonce != 7 {
		t.Fatalf("next nonce %d %t, want 7", nonce, known)
	}
	pending, err := j.PendingTxs(ctx, from, 1)
	must(t, err)
	all, err := j.Txs(ctx, from, 0)
	must(t, err)
	two, err := j.Txs(ctx, from, 2)
	must(t, err)
	text := func(list ...protocol.Tx) string { return fmt.Sprintf("%+v", list) }
	for name, pair := range map[string][2]string{
		"pending": {text(txs[1], txs[0]), text(pending...)},
		"all":     {text(txs[2], txs[1], txs[0], other), text(all...)},
		"two":     {text(txs[2], txs[1]), text(two...)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s", name, cmp.Diff(pair[0], pair[1]))
		}
	}
	txs[1].Status = protocol.TxReplaced
	must(t, j.PutTx(ctx, txs[1]))
	got, err := j.Tx(ctx, num(2))
	must(t, err)
	if text(got) != text(txs[1]) {
		t.Error(cmp.Diff(text(txs[1]), text(got)))
	}
	_, err = j.Tx(ctx, num(77))
	wantIs(t, err, ErrNotFound)
}

func TestMetaAndSums(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	_, err := j.Meta(ctx, "cursor")
	wantIs(t, err, ErrNotFound)
	for _, val := range []string{"1", "", "22"} {
		must(t, j.PutMeta(ctx, "cursor", []byte(val)))
		got, err := j.Meta(ctx, "cursor")
		must(t, err)
		if string(got) != val {
			t.Fatalf("got %q, want %q", got, val)
		}
	}
	must(t, j.PutMeta(ctx, "cursor", nil))

	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	for n := uint64(1); n <= 3; n++ {
		must(t, j.ReserveIn(ctx, ch.ID(), num(n), amt(20)))
		must(t, j.PutRecord(ctx, record(protocol.RoleRig, n, 10*n)))
		if n < 3 { // the third is not paid
			_, err := j.Credit(ctx, ch.ID(), num(n), voucher(ch, 0, 10*n), amt(10))
			must(t, err)
		}
	}
	must(t, j.Reserve(ctx, ch.ID(), num(1), amt(5)))
	must(t, j.PutRecord(ctx, record(protocol.RoleRequester, 1, 10)))
	_, err = j.Promise(ctx, ch.ID(), num(1), amt(3))
	must(t, err)
	for _, tt := range []struct {
		sum    func() (int, protocol.Amount, error)
		jobs   int
		amount uint64
	}{
		{func() (int, protocol.Amount, error) { return j.Earned(ctx, 0) }, 2, 20},
		{func() (int, protocol.Amount, error) { return j.Earned(ctx, 20) }, 1, 10},
		{func() (int, protocol.Amount, error) { return j.Earned(ctx, 21) }, 0, 0},
		{func() (int, protocol.Amount, error) { return j.Spent(ctx, 10) }, 1, 3},
	} {
		jobs, amount, err := tt.sum()
		must(t, err)
		if jobs != tt.jobs || amount != amt(tt.amount) {
			t.Errorf("%d jobs, %s; want %d, %d", jobs, amount, tt.jobs, tt.amount)
		}
	}
}

package protocol

import (
	"bytes"
	"strings"
	"testing"
)

// chained is a job of so many receipts with the output "one" and, on standard error, "two".
func chained(t *testing.T, key *Key, n int) (*Agreement, Hash, *Evidence, *Receipt) {
	t.Helper()
	a := &Agreement{Domain: Domain{ChainID: 1, Escrow: Address{1}}, Rig: key.Address(), TickUnits: 10}
	job := Hash{7}
	e := &Evidence{Job: job}
	e.AddChunk(1, 3)
	e.AddChunk(2, 3)
	var r Receipt
	for i := range n {
		prev := Hash{}
		if i > 0 {
			prev = r.Digest(a.Domain)
		}
		r = Receipt{Job: job, Seq: uint64(i + 1), Units: uint64(10 * (i + 1)), Prev: prev, Final: i == n-1}
		if r.Final {
			break
		}
		sig, err := key.Sign(r.Digest(a.Domain))
		if err != nil {
			t.Fatal(err)
		}
		e.AddReceipt(&ReceiptMsg{Receipt: r, Signature: sig})
	}
	return a, job, e, &r
}

// TestEvidence: what was kept shows that output and receipts are those that came (SPEC §7.8),
// and nothing that somebody changed since passes.
func TestEvidence(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	a, job, e, last := chained(t, key, 4)
	b, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := ReadEvidence(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := kept.CheckChain(a, job, last); n != 3 || err != nil {
		t.Errorf("%d receipts, %v", n, err)
	}
	want := NewOutputHash()
	want.Add(1, []byte("one"))
	want.Add(2, []byte("two"))
	if sum, err := kept.Stream(strings.NewReader("one"), strings.NewReader("two")); sum != want.Sum() || err != nil {
		t.Errorf("the stream is %s, %v", sum, err)
	}
	for _, out := range []string{"on", "ones", ""} {
		if _, err := kept.Stream(strings.NewReader(out), strings.NewReader("two")); err == nil {
			t.Errorf("%q passes for what came", out)
		}
	}
	for name, change := range map[string]func(*Evidence, *Agreement, *Receipt){
		"a byte of a receipt": func(e *Evidence, _ *Agreement, _ *Receipt) { e.Receipts[len(e.Receipts)-1] ^= 1 },
		"one left out":        func(e *Evidence, _ *Agreement, _ *Receipt) { e.Receipts = e.Receipts[len(e.Receipts)/3:] },
		"cut off":             func(e *Evidence, _ *Agreement, _ *Receipt) { e.Receipts = e.Receipts[:len(e.Receipts)-1] },
		"another rig":         func(_ *Evidence, a *Agreement, _ *Receipt) { a.Rig[0] ^= 1 },
		"a shorter tick":      func(_ *Evidence, a *Agreement, _ *Receipt) { a.TickUnits-- },
		"another end":         func(_ *Evidence, _ *Agreement, r *Receipt) { r.Prev[0] ^= 1 },
		"another job":         func(e *Evidence, _ *Agreement, _ *Receipt) { e.Job[0] ^= 1 },
		"a huge length":       func(e *Evidence, _ *Agreement, _ *Receipt) { e.Receipts[0] = 0xff },
	} {
		copied, err := ReadEvidence(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		agreement, end := *a, *last
		change(copied, &agreement, &end)
		if _, err := copied.CheckChain(&agreement, job, &end); err == nil {
			t.Errorf("%s: it passes", name)
		}
	}
	for _, chunks := range [][]byte{{1, 0, 0, 0, 0}, {3, 0, 0, 0, 3}, {1, 0, 0}, {1, 0xff, 0, 0, 0}} {
		if _, err := (&Evidence{Chunks: chunks}).Stream(strings.NewReader("one"), strings.NewReader("")); err == nil {
			t.Errorf("chunks %v pass", chunks)
		}
	}
	for range maxEvidence/5 + 10 {
		e.AddChunk(1, 1)
	}
	if !e.Short || len(e.Chunks) > maxEvidence {
		t.Errorf("%d bytes of chunks are kept", len(e.Chunks))
	}
	if _, err := ReadEvidence(strings.NewReader("no evidence")); err == nil {
		t.Error("rubbish was read")
	}
}

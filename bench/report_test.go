package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentKeepsWhatPeopleWrote replaces the tables only, again and again.
func TestDocumentKeepsWhatPeopleWrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.md")
	if err := os.WriteFile(path, []byte("above\n"+beginMark+"old\n"+endMark+"below\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := results{"dispatch_empty_p50_ms": 6.2, "gas_redeem": 42365}
	for range 2 {
		if err := r.document(path); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.HasPrefix(text, "above\n") || !strings.HasSuffix(text, "below\n") || strings.Contains(text, "old") {
		t.Errorf("the document became\n%s", text)
	}
	for _, want := range []string{"| 6.2 ms | 31–45 | 5–7.26× | 5× |", "| `gas_redeem` | 42365 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if err := r.document(filepath.Join(t.TempDir(), "none.md")); err == nil {
		t.Error("a missing document is no error")
	}
}

// TestGasFigures reads the contract's own file.
func TestGasFigures(t *testing.T) {
	r := results{}
	if err := gas(r, "../contracts/gas.txt"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gas_deploy", "gas_redeem", "gas_fund_opening", "gas_redeem_payees_first", "gas_requestClose"} {
		if r[name] < 20_000 {
			t.Errorf("%s is %v", name, r[name])
		}
	}
}

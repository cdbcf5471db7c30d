package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rerig/rerig/node"
)

// A profile names one endpoint or several, and is written as a list.
func TestProfileReadsOneEndpointOrMore(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`rpc = "http://127.0.0.1:8545"`:                        {"http://127.0.0.1:8545"},
		`rpc = ["http://127.0.0.1:8545", "https://b.example"]`: {"http://127.0.0.1:8545", "https://b.example"},
	} {
		path := filepath.Join(t.TempDir(), "p.toml")
		rest := "\nname = 'local'\nchain_id = 1\nescrow = '0x1000000000000000000000000000000000000001'\ntoken = '0x2000000000000000000000000000000000000002'\n"
		if err := os.WriteFile(path, []byte(text+rest), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := node.LoadProfile(path)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !slices.Equal(p.RPC, want) {
			t.Errorf("%s: read %q", text, p.RPC)
		}
		if err := p.Write(path); err != nil {
			t.Fatal(err)
		}
		again, err := node.LoadProfile(path)
		if err != nil || !slices.Equal(again.RPC, want) {
			t.Errorf("%s: written and read again: %v, %v", text, again, err)
		}
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), "rpc = [") {
			t.Errorf("written as\n%s", b)
		}
	}
}

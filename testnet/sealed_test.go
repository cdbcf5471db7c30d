package testnet_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/testnet"
)

const (
	secretText = "the patient's name is not for the miner's disk"
	secretName = "diagnosis-of-the-patient.txt"
)

// TestPrivateJobLeavesNoPlaintext holds SPEC §5.5: of a job that is not public the
// stores of both sides have ciphertext only, when it is over as while it travels, and
// the requester has its output in the clear. A private module is no different.
func TestPrivateJobLeavesNoPlaintext(t *testing.T) {
	t.Parallel()
	f := newField(t, node.RigConfig{})
	input := filepath.Join(t.TempDir(), secretName)
	if err := os.WriteFile(input, []byte(secretText), 0o600); err != nil {
		t.Fatal(err)
	}
	buyIt := func(public, private bool) *node.RunStatus {
		req := order(t, "duplicate", secretName)
		req.Inputs = []node.File{{Path: input}}
		req.Public, req.Private = public, private
		st, _ := buy(t, f.buyer, req)
		if !st.Succeeded() {
			t.Fatalf("public %v, private %v: %s %s", public, private, st.Reason, st.Detail)
		}
		if got, err := os.ReadFile(filepath.Join(st.Dir, "out", secretName)); err != nil || string(got) != secretText {
			t.Errorf("public %v, private %v: output %q, %v", public, private, got, err)
		}
		return st
	}
	module, err := os.ReadFile("testdata/guest.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []bool{true, false} {
		before := len(stored(t, f.rig, string(module)))
		buyIt(false, private)
		f.quiet(t)
		if after := len(stored(t, f.rig, string(module))); private && after > before {
			t.Error("the rig's store has the private module as it is")
		}
		for name, m := range map[string]*testnet.Member{"rig": f.rig, "buyer": f.buyer} {
			if where := stored(t, m, secretText, secretName); len(where) > 0 {
				t.Errorf("the %s's store has the plaintext: %s", name, where)
			}
		}
		if where := holding(t, filepath.Join(dataDir(t, f.rig), "jobs"), secretText, secretName); len(where) > 0 {
			t.Errorf("the rig's scratch was left: %s", where)
		}
	}
	// What is public is in the clear, as any IPFS node would have it: the look above can see.
	buyIt(true, false)
	if len(stored(t, f.rig, secretText)) == 0 {
		t.Error("a public job's input is not in the rig's store as it is")
	}
}

func dataDir(t *testing.T, m *testnet.Member) string {
	t.Helper()
	info, err := m.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.DataDir
}

// stored lists the files of a member's artifact store that hold one of the words.
func stored(t *testing.T, m *testnet.Member, words ...string) []string {
	t.Helper()
	return holding(t, filepath.Join(dataDir(t, m), "artifacts"), words...)
}

// holding lists the files below dir whose name or bytes have one of the words.
func holding(t *testing.T, dir string, words ...string) (where []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var data []byte
		if d.Type().IsRegular() {
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		for _, w := range words {
			if strings.Contains(d.Name(), w) || bytes.Contains(data, []byte(w)) {
				where = append(where, path)
			}
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return where
}

package testnet_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/keys"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/powercut"
)

// Who was told an address sends money there: from then on no power cut takes the key,
// also where every directory above it is new (SPEC §8.1).
func TestPowerCutKeepsTheKey(t *testing.T) {
	t.Parallel()
	binary, home := build(t), t.TempDir()
	data := filepath.Join("share", "rerig", "node")
	profile := &node.Profile{Name: "power", RPC: []string{"http://127.0.0.1:1"}, ChainID: 31337, Local: true,
		Escrow: keyOf("escrow").Address().String(), Token: keyOf("token").Address().String(), TokenSymbol: "T", TokenDecimals: 6}
	network := filepath.Join(t.TempDir(), "net.toml")
	if err := profile.Write(network); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "wallet", "init", "-o", "json", "--network", network, "--data-dir", filepath.Join(home, data))
	rec, err := powercut.Record(cmd, home)
	if errors.Is(err, powercut.ErrNoStrace) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	draw, told := rand.New(rand.NewPCG(1, 1)), 0
	for cut := range rec.Len() {
		for _, s := range []powercut.Survival{powercut.Nothing, powercut.Anything, powercut.Everything} {
			files, _ := rec.Files(cut, s, draw)
			key, there := files[filepath.Join(data, "key.json")]
			var has *protocol.Key
			if there {
				if has, err = keys.OpenKeystore(key, ""); err != nil {
					t.Errorf("cut %d, %s is left: half a key: %v", cut, s, err)
				}
			}
			var said struct{ Address protocol.Address }
			if json.Unmarshal([]byte(rec.Told(cut)), &said) != nil {
				continue // it has not told it yet
			}
			if told++; has == nil || has.Address() != said.Address {
				t.Errorf("cut %d, %s is left: the key of %s is not", cut, s, said.Address)
			}
		}
	}
	if told == 0 {
		t.Errorf("nobody was told an address: %q", rec.Told(rec.Len()-1))
	}
	if left, err := os.ReadDir(filepath.Join(home, data)); err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, %v", left, err)
	}
}

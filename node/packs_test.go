package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// TestPackIsChecked: a rig takes a pack that a publisher signed whom its miner named, and that
// serves what it has; any other is refused for good, with the reason.
func TestPackIsChecked(t *testing.T) {
	var keys []*protocol.Key
	for range 2 {
		key, err := protocol.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	key := keys[0]
	p := protocol.EnginePack{Version: protocol.Version, Publisher: key.Address(), Name: "llama.cpp", Release: "b1", Server: protocol.ServerLlama,
		Image: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", ImageSize: 1, Args: []string{protocol.PackModel}, Port: 80, Health: "/",
		Formats: []string{protocol.FormatGGUF}, Needs: []string{protocol.NeedsCPU}, Seconds: 1, AtOnce: 1}
	sign := func(change func(*protocol.EnginePack)) []byte {
		other := p
		change(&other)
		file, err := protocol.SignPack(other, key)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := sign(func(*protocol.EnginePack) {})
	both := []protocol.Address{keys[1].Address(), key.Address()}
	if got, err := checkPack(good, both); err != nil || got.Name != p.Name {
		t.Fatalf("%+v, %v", got, err)
	}
	changed := append([]byte(nil), good...)
	changed[len(changed)-1] ^= 1
	for _, c := range []struct {
		what  string
		file  []byte
		trust []protocol.Address
		want  string
	}{
		{"signed by a stranger", good, both[:1], "whom --pack-publisher does not name"},
		{"trusted by nobody", good, nil, "whom --pack-publisher does not name"},
		{"of another signature", changed, both, "signature"},
		{"of other weights", sign(func(p *protocol.EnginePack) { p.Formats = []string{protocol.FormatSafetensors} }), both, "rigs serve GGUF files"},
		{"no pack", []byte("#!/bin/sh"), both, "pack"},
	} {
		if _, err := checkPack(c.file, c.trust); !errors.As(err, new(packRefusedError)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a pack %s: %v", c.what, err)
		}
	}
	long := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(long, make([]byte, protocol.MaxPackBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{long: "at most 16384", long + ".gone": "neither a CID nor a file"} {
		if _, err := readPackFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

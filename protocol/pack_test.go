package protocol

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

func examplePack() EnginePack {
	return EnginePack{Version: Version, Publisher: testKey("rig").Address(), Name: "llama.cpp", Release: "b11669", Server: ServerLlama,
		Image: exampleCID("image"), ImageSize: 1 << 20, Args: []string{"--model", "{model}", "--port", "{port}"}, Port: 8080, Health: "/health",
		Formats: []string{FormatGGUF}, Needs: []string{NeedsVulkan, NeedsCPU}, MinDriver: "550.54.14", Seconds: 120, AtOnce: 4}
}

// TestPackDigest holds the digest to go-ethereum's of the structure that the SPEC prints.
func TestPackDigest(t *testing.T) {
	p := examplePack()
	body, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	name, fields := typeOf("EnginePack(address publisher,string name,string release,bytes32 body)")
	want, _, err := apitypes.TypedDataAndHash(apitypes.TypedData{PrimaryType: name,
		Types:   apitypes.Types{name: fields, "EIP712Domain": {{Name: "name", Type: "string"}, {Name: "version", Type: "string"}}},
		Domain:  apitypes.TypedDataDomain{Name: "Rerig", Version: "1"},
		Message: apitypes.TypedDataMessage{"publisher": p.Publisher.String(), "name": p.Name, "release": p.Release, "body": crypto.Keccak256(body)}})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.digest(body); !bytes.Equal(got[:], want) {
		t.Errorf("the digest is %s, go-ethereum's %x", got, want)
	}
}

// TestPackRefused changes one thing of a pack at a time: in its form, which is not signed, and
// in the signed file, where no byte may change.
func TestPackRefused(t *testing.T) {
	key := testKey("rig")
	file, err := SignPack(examplePack(), key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadPack(file); err != nil || fmt.Sprint(*got) != fmt.Sprint(examplePack()) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if p, err := ReadPack(changed); err == nil {
			t.Fatalf("byte %d changed, and it is taken: %+v", i, p)
		}
	}
	if _, err := SignPack(examplePack(), testKey("payer")); err == nil {
		t.Error("another signs for the publisher")
	}
	for _, c := range []struct {
		field, limit string
		change       func(*EnginePack)
	}{
		{"pack.version", "1", func(p *EnginePack) { p.Version = 2 }},
		{"pack.publisher", "not zero", func(p *EnginePack) { p.Publisher = Address{} }},
		{"pack.name", "not empty", func(p *EnginePack) { p.Name = "" }},
		{"pack.release", "printable", func(p *EnginePack) { p.Release = "\x1b[2J" }},
		{"pack.server", "llama-server", func(p *EnginePack) { p.Server = "sh" }},
		{"pack.image", "CID", func(p *EnginePack) { p.Image = "latest" }},
		{"pack.image_bytes", "1 to", func(p *EnginePack) { p.ImageSize = 0 }},
		{"pack.args", "{model}", func(p *EnginePack) { p.Args = []string{"--model"} }},
		{"pack.args", "at most 64", func(p *EnginePack) { p.Args = make([]string, MaxPackArgs+1) }},
		{"pack.args[0]", "at most 1024", func(p *EnginePack) { p.Args = []string{strings.Repeat("x", MaxPackArg+1)} }},
		{"pack.port", "1 to 65535", func(p *EnginePack) { p.Port = 0 }},
		{"pack.health", "a path", func(p *EnginePack) { p.Health = "health" }},
		{"pack.formats", "gguf", func(p *EnginePack) { p.Formats = nil }},
		{"pack.needs", "each once", func(p *EnginePack) { p.Needs = []string{NeedsCPU, NeedsCPU} }},
		{"pack.min_driver", "a version", func(p *EnginePack) { p.MinDriver = "newest" }},
		{"pack.start_seconds", "1 to 600", func(p *EnginePack) { p.Seconds = MaxPackSeconds + 1 }},
		{"pack.parallel", "1 to 64", func(p *EnginePack) { p.AtOnce = 0 }},
	} {
		p := examplePack()
		c.change(&p)
		_, err := SignPack(p, key)
		wantField(t, err, c.field, c.limit)
	}
	p := examplePack()
	p.Crit = Extensions{"sudo": nil}
	if _, err := SignPack(p, key); err == nil || !strings.Contains(err.Error(), "sudo") {
		t.Errorf("an unknown critical extension: %v", err)
	}
}

// FuzzReadPack: what comes from a stranger as a pack gives a pack of a known form or an error.
func FuzzReadPack(f *testing.F) {
	file, err := SignPack(examplePack(), testKey("rig"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ReadPack(b); err == nil && p.check() != nil {
			t.Error("taken, and of no known form")
		}
	})
}

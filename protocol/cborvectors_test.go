package protocol

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

const cborFile = "testdata/cbor.json"

// cborVector is one entry of testdata/cbor.json (SPEC §11): canonical bytes, the
// same in RFC 8949 diagnostic notation, and the CID where the thing has one.
type cborVector struct {
	Name       string `json:"name"` // "spec", "offer", "message 4", …
	Hex        string `json:"hex"`
	CID        string `json:"cid,omitempty"`
	Diagnostic string `json:"diagnostic"`
}

func addCBOR(t testing.TB, list []cborVector, name, cid string, b []byte) []cborVector {
	t.Helper()
	diag, err := cbor.Diagnose(b)
	if err != nil {
		t.Fatal(err)
	}
	return append(list, cborVector{name, hex.EncodeToString(b), cid, diag})
}

func makeCBOR(t testing.TB) (list []cborVector) {
	t.Helper()
	bare := &JobSpec{Version: Version, Kind: KindTask, Engine: EngineWASM, Module: exampleCID("module"), ModuleSize: 1, Limits: Limits{RunMillis: 1}}
	extended := exampleSpec()
	extended.Opt = Extensions{"b": []byte{2}, "a": []byte{1}, "aa": nil}
	sealed := exampleSpec()
	sealed.Sealed = SealedFiles | SealedModule
	for i, s := range []*JobSpec{exampleSpec(), bare, extended, sealed} {
		b, c, err := EncodeSpec(s)
		if err != nil {
			t.Fatal(err)
		}
		list = addCBOR(t, list, []string{"spec", "spec bare", "spec extended", "spec sealed"}[i], c.String(), b)
	}
	signed := must(SignOffer(exampleOffer(), testKey("rig")))
	list = addCBOR(t, list, "offer", "", signed.Offer)
	list = addCBOR(t, list, "signed offer", "", must(Encode(signed)))
	for _, m := range exampleMessages() {
		b, err := EncodeMessage(m)
		if err != nil {
			t.Fatal(err)
		}
		list = addCBOR(t, list, fmt.Sprintf("message %d", m.Type()), "", b)
	}
	list = addCBOR(t, list, "message 4 with a job key", "", must(EncodeMessage(sealedAccept())))
	list = addCBOR(t, list, "message 4 with a link key", "", must(EncodeMessage(linkedAccept())))
	for i, r := range exampleIndexRequests() {
		list = addCBOR(t, list, []string{"index put", "index find"}[i], "", must(Encode(r)))
	}
	list = addCBOR(t, list, "index reply", "", must(Encode(exampleIndexReply())))
	for _, s := range []string{"0", "1", "255", "256", "79228162514264337593543950335"} {
		list = addCBOR(t, list, "amount "+s, "", must(Encode(amount(t, s))))
	}
	return list
}

func TestCBORVectorsAreCurrent(t *testing.T) { golden(t, cborFile, marshalGolden(t, makeCBOR(t))) }

// decoders maps a vector's name to the decoder that a peer's bytes meet.
func decoders(name string, b []byte) (again []byte, err error) {
	switch {
	case bytes.HasPrefix([]byte(name), []byte("spec")):
		s, err := DecodeSpec(b)
		if err != nil {
			return nil, err
		}
		again, _, err = EncodeSpec(s)
		return again, err
	case name == "offer":
		return decodeInto(b, new(Offer))
	case name == "signed offer":
		s := new(SignedOffer)
		if again, err = decodeInto(b, s); err == nil {
			_, err = s.Verify("local", epoch0)
		}
		return again, err
	case bytes.HasPrefix([]byte(name), []byte("message")):
		m, err := DecodeMessage(b)
		if err != nil {
			return nil, err
		}
		return EncodeMessage(m)
	case name == "index put", name == "index find":
		r, err := DecodeIndexRequest(b)
		if err != nil {
			return nil, err
		}
		return Encode(r)
	case name == "index reply":
		r, err := DecodeIndexReply(b)
		if err != nil {
			return nil, err
		}
		return Encode(r)
	case bytes.HasPrefix([]byte(name), []byte("amount")):
		return decodeInto(b, new(Amount))
	}
	return nil, fmt.Errorf("no decoder for vector %q", name)
}

func decodeInto(b []byte, v any) ([]byte, error) {
	if err := Decode(b, v); err != nil {
		return nil, err
	}
	return Encode(v)
}

func TestCBORVectorsDecode(t *testing.T) {
	var list []cborVector
	if err := readStrict(cborFile, &list); err != nil {
		t.Fatal(err)
	}
	for _, v := range list {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decoders(v.Name, b)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
		} else if !bytes.Equal(again, b) {
			t.Errorf("%s: encodes again as %x", v.Name, again)
		}
		for n := range b {
			if _, err := decoders(v.Name, b[:n]); err == nil {
				t.Errorf("%s: accepted with %d of %d bytes", v.Name, n, len(b))
			}
		}
		if _, err := decoders(v.Name, append(b, 0)); err == nil {
			t.Errorf("%s: accepted with a trailing byte", v.Name)
		}
	}
}

func TestMessagesComeBackEqual(t *testing.T) {
	for _, m := range exampleMessages() {
		b, err := EncodeMessage(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeMessage(b)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%T: got %+v (%v), want %+v", m, got, err, m)
		}
	}
}

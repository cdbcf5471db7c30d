package protocol

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
)

func unhexed(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNonCanonicalRefused: one value has one encoding (SPEC §1.2). Each case is
// the map {1: 5} or a relative of it written in another way.
func TestNonCanonicalRefused(t *testing.T) {
	type pairOf struct {
		A uint64 `cbor:"1,keyasint"`
		B uint64 `cbor:"2,keyasint"`
	}
	if err := Decode(unhexed(t, "a201050206"), new(pairOf)); err != nil {
		t.Fatalf("the canonical form: %v", err)
	}
	for name, s := range map[string]string{
		"keys out of order":            "a202060105",
		"duplicate key":                "a3010501050206",
		"duplicate key, other value":   "a3010501070206",
		"unknown key":                  "a3010502060307",
		"missing key":                  "a10105",
		"text key":                     "a301050206616101",
		"text key for an integer one":  "a2613105613206",
		"indefinite map":               "bf01050206ff",
		"long map length":              "b80201050206",
		"long key":                     "a21801050206",
		"long integer":                 "a20118050206",
		"integer of eight bytes":       "a2011b00000000000000050206",
		"float of sixteen bits":        "a201f945000206",
		"float of sixty-four bits":     "a201fb40140000000000000206",
		"tag around the integer":       "a201d81e050206",
		"tag around the map":           "d9d9f7a201050206",
		"bignum":                       "a201c241050206",
		"null for an integer":          "a201f60206",
		"undefined for an integer":     "a201f70206",
		"simple value":                 "a201e50206",
		"true for an integer":          "a201f50206",
		"negative integer":             "a201240206",
		"text for an integer":          "a20161350206",
		"trailing byte":                "a20105020600",
		"trailing map":                 "a201050206a0",
		"cut short":                    "a2010502",
		"array for a map":              "820506",
		"nothing":                      "",
		"null":                         "f6",
		"reserved additional info":     "a2011c0206",
		"break without a beginning":    "ff",
		"map of 2^64-1 pairs":          "bbffffffffffffffff0105",
		"byte string key":              "a2410105410206",
		"negative key":                 "a3010502062007",
		"nested too deep for anything": "a2018181818181818181818181050206",
	} {
		bounded(t, len(s), func() {
			if err := Decode(unhexed(t, s), new(pairOf)); err == nil {
				t.Errorf("%s (%s) was accepted", name, s)
			}
		})
	}
}

// TestFixedLengths: an address, hash or signature of another length is refused,
// not cut or padded.
func TestFixedLengths(t *testing.T) {
	for _, v := range []struct {
		n    int
		into func() any
	}{{20, func() any { return new(Address) }}, {32, func() any { return new(Hash) }},
		{64, func() any { return new(Signature) }}, {33, func() any { return new(PublicKey) }}} {
		for _, n := range []int{0, v.n - 1, v.n, v.n + 1, 2 * v.n} {
			err := Decode(must(Encode(bytes.Repeat([]byte{7}, n))), v.into())
			if (err == nil) != (n == v.n) {
				t.Errorf("%T of %d bytes: %v", v.into(), n, err)
			}
		}
		list := make([]uint8, 0, v.n)
		for range v.n {
			list = append(list, 7)
		}
		array := append([]byte{0x98, byte(v.n)}, list...) // a CBOR array of integers
		if err := Decode(array, v.into()); err == nil {
			t.Errorf("%T was read from an array of integers", v.into())
		}
		text := append([]byte{0x78, byte(v.n)}, bytes.Repeat([]byte{'a'}, v.n)...)
		if err := Decode(text, v.into()); err == nil {
			t.Errorf("%T was read from text", v.into())
		}
	}
}

func TestTextInCBORIsUTF8(t *testing.T) {
	var s string
	if err := Decode([]byte{0x62, 0xc3, 0x28}, &s); err == nil {
		t.Errorf("invalid UTF-8 was accepted as %q", s)
	}
	if err := Decode([]byte{0x7f, 0x61, 'a', 0xff}, &s); err == nil {
		t.Error("an indefinite string was accepted")
	}
	var b []byte
	if err := Decode([]byte{0x5f, 0x41, 'a', 0xff}, &b); err == nil {
		t.Error("an indefinite byte string was accepted")
	}
	var list []uint64
	if err := Decode([]byte{0x9f, 1, 0xff}, &list); err == nil {
		t.Error("an indefinite array was accepted")
	}
}

// TestHugeLengthsCostNothing: a length in a header is not believed before the
// bytes are there.
func TestHugeLengthsCostNothing(t *testing.T) {
	for _, head := range []string{"5b7fffffffffffffff", "7b7fffffffffffffff", "9b7fffffffffffffff", "bb7fffffffffffffff", "5a7fffffff", "9a7fffffff"} {
		b := append(unhexed(t, head), make([]byte, 64)...)
		for _, decode := range []func([]byte) error{
			func(b []byte) error { _, err := DecodeMessage(b); return err },
			func(b []byte) error { _, err := DecodeSpec(b); return err },
			func(b []byte) error { _, err := DecodeIndexReply(b); return err },
			func(b []byte) error { return Decode(b, new([]string)) },
			func(b []byte) error { return Decode(b, new([]byte)) },
		} {
			bounded(t, len(b), func() {
				if decode(b) == nil {
					t.Errorf("%x… was accepted", b[:9])
				}
			})
		}
	}
}

// TestExtensions: an unknown critical extension is refused by name, an unknown
// optional one is ignored (SPEC §1.3), in everything that has them.
func TestExtensions(t *testing.T) {
	stop := must(Encode(&Stop{}))
	put := exampleIndexRequests()[0]
	for what, decode := range map[string]func(crit, opt Extensions) error{
		"message": func(crit, opt Extensions) error {
			_, err := DecodeMessage(must(Encode(envelope{Version, TypeStop, stop, crit, opt})))
			return err
		},
		"spec": func(crit, opt Extensions) error {
			s := exampleSpec()
			s.Crit, s.Opt = crit, opt
			_, err := DecodeSpec(must(Encode(s)))
			return err
		},
		"offer": func(crit, opt Extensions) error {
			o := exampleOffer()
			o.Crit, o.Opt = crit, opt
			body := must(Encode(o))
			_, err := SignedOffer{body, sign(testKey("rig"), o.digest(body))}.Verify("local", epoch0)
			return err
		},
		"index": func(crit, opt Extensions) error {
			r := put
			r.Crit, r.Opt = crit, opt
			_, err := DecodeIndexRequest(must(Encode(r)))
			return err
		},
		"index reply": func(crit, opt Extensions) error {
			_, err := DecodeIndexReply(must(Encode(IndexReply{Version: Version, Crit: crit, Opt: opt})))
			return err
		},
	} {
		if err := decode(nil, Extensions{"audit": {1}, "z": nil}); err != nil {
			t.Errorf("%s: an optional extension was not ignored: %v", what, err)
		}
		err := decode(Extensions{"audit": {1}}, Extensions{"other": nil})
		var crit *CriticalExtensionError
		if !errors.As(err, &crit) || crit.Name != "audit" {
			t.Errorf("%s: got %v, want a refusal of extension audit", what, err)
		}
		if err := decode(nil, exts(MaxExtensions+1)); err == nil {
			t.Errorf("%s: %d extensions were accepted", what, MaxExtensions+1)
		}
	}
}

func TestSpecCIDIsOfTheBytes(t *testing.T) {
	b, c, err := EncodeSpec(exampleSpec())
	if err != nil {
		t.Fatal(err)
	}
	sum := c.Hash()
	agreed := exampleAgreement().SpecHash
	if !bytes.Equal(sum[2:], agreed[:]) {
		t.Errorf("the CID's digest is %x, the agreement's spec hash %s", sum[2:], agreed)
	}
	if err := CheckCID("spec", c.String()); err != nil {
		t.Error(err)
	}
	b[len(b)-1] ^= 1
	if other, err := SpecCID(b); err != nil || other == c {
		t.Errorf("other bytes have CID %s (%v)", other, err)
	}
}

func TestFileNames(t *testing.T) {
	for _, ok := range []string{"a", "model.gguf", "..a", "a b", "ünicode", long(MaxNameBytes)} {
		if err := CheckFileName("name", ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "/", "a/", "/a", "a/b", "../a", `a\b`, `..\a`, "a\x00", "C:", "a:b", "\xff", long(MaxNameBytes + 1)} {
		wantField(t, CheckFileName("name", bad), "name", "one plain file name")
	}
}

func TestCIDs(t *testing.T) {
	if err := CheckCID("cid", exampleCID("x")); err != nil {
		t.Error(err)
	}
	for bad, limit := range map[string]string{
		"": "a CID", "x": "a CID", long(129): "at most 128", "/ipfs/" + exampleCID("x"): "CID",
		"QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKU":    "CID", // version 0, one letter short
		"QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n": "CIDv1",
		"bafkqaaa": "CIDv1 with SHA2-256", // identity hash
	} {
		wantField(t, CheckCID("cid", bad), "cid", limit)
	}
}

func TestHexText(t *testing.T) {
	a := testAddr("rig")
	if back, err := ParseAddress(a.String()); err != nil || back != a {
		t.Errorf("%s comes back as %s (%v)", a, back, err)
	}
	for _, bad := range []string{"", "0x", a.String()[2:], a.String() + "00", a.String()[:40], "0X" + a.String()[2:], fmt.Sprintf("0x%040s", "g")} {
		_, err := ParseAddress(bad)
		wantField(t, err, "address", "hex digits")
		_, err = ParseHash(bad)
		wantField(t, err, "hash", "hex digits")
	}
}

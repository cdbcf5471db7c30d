package protocol

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
)

// Every decoder that a peer's bytes, a file or a flag reaches has a fuzz target:
// it never panics, allocates in proportion to its input, and what it accepts
// encodes to the same bytes again. The seeds in testdata/fuzz are the vectors;
// go test -update rewrites them.

// corpus maps a target to its seeds, each a line per argument in the format of
// "go test fuzz v1".
func corpus(t *testing.T) map[string]map[string]string {
	out := map[string]map[string]string{}
	add := func(target, name string, args ...string) {
		if out[target] == nil {
			out[target] = map[string]string{}
		}
		out[target][strings.ReplaceAll(name, " ", "_")] = strings.Join(args, "\n")
	}
	for _, v := range makeCBOR(t) {
		b := must(hex.DecodeString(v.Hex))
		kind, _, _ := strings.Cut(v.Name, " ")
		switch {
		case kind == "spec":
			add("FuzzDecodeSpec", v.Name, quoted(b))
		case kind == "message":
			add("FuzzDecodeMessage", v.Name, quoted(b))
		case kind == "amount":
			add("FuzzAmountCBOR", v.Name, quoted(b))
			add("FuzzAmountText", v.Name, fmt.Sprintf("string(%q)", v.Name[len("amount "):]))
		case v.Name == "index reply":
			add("FuzzDecodeIndexReply", v.Name, quoted(b))
		case kind == "index":
			add("FuzzDecodeIndexRequest", v.Name, quoted(b))
		}
	}
	signed := must(SignOffer(exampleOffer(), testKey("rig")))
	add("FuzzOfferVerify", "offer", quoted(signed.Offer), quoted(signed.Signature[:]))
	for i, s := range []string{"0", "0.05", "1", "79228162514264337593543.950335", ".5", "5."} {
		add("FuzzParseUnits", fmt.Sprint("units ", i), fmt.Sprintf("string(%q)", s), "byte('\\x06')")
	}
	frame := new(bytes.Buffer)
	for _, p := range []string{"", "a", "two frames"} {
		if err := WriteFrame(frame, []byte(p), 64); err != nil {
			t.Fatal(err)
		}
		add("FuzzReadFrame", "frame "+p, quoted(frame.Bytes()), "uint16(64)")
	}
	add("FuzzReadFrame", "over the limit", quoted([]byte{0xff, 0xff, 0xff, 0xff, 1}), "uint16(64)")
	digest := testHash("digest")
	sig := sign(testKey("rig"), digest)
	add("FuzzRecover", "signature", quoted(digest[:]), quoted(sig[:]))
	return out
}

func quoted(b []byte) string { return fmt.Sprintf("[]byte(%q)", b) }

func TestFuzzCorpusIsCurrent(t *testing.T) {
	seeds := corpus(t)
	for target, list := range seeds {
		for name, args := range list {
			golden(t, filepath.Join("testdata/fuzz", target, name), []byte("go test fuzz v1\n"+args+"\n"))
		}
	}
	source, err := os.ReadFile("fuzz_test.go")
	if err != nil {
		t.Fatal(err)
	}
	targets := strings.Count(string(source), "\nfunc Fuzz")
	if len(seeds) != targets {
		t.Errorf("%d targets have seeds, there are %d", len(seeds), targets)
	}
}

// bounded fails when f allocates more than a decoder of n bytes has cause to.
func bounded(t *testing.T, n int, f func()) {
	t.Helper()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	f()
	metrics.Read(sample)
	if used := sample[0].Value.Uint64() - before; used > 1<<20+256*uint64(n) {
		t.Errorf("%d bytes of input took %d bytes of memory", n, used)
	}
}

// fuzzBytes fuzzes a decoder that gives back what it would encode.
func fuzzBytes(f *testing.F, limit int, decode func([]byte) ([]byte, error)) {
	f.Fuzz(func(t *testing.T, b []byte) {
		bounded(t, len(b), func() {
			again, err := decode(b)
			if err == nil && !bytes.Equal(again, b) {
				t.Errorf("%x was accepted and encodes as %x", b, again)
			}
			if err == nil && len(b) > limit {
				t.Errorf("%d bytes were accepted, the limit is %d", len(b), limit)
			}
		})
	})
}

func FuzzDecodeSpec(f *testing.F) {
	fuzzBytes(f, MaxSpecBytes, func(b []byte) ([]byte, error) { return decoders("spec", b) })
}

func FuzzDecodeMessage(f *testing.F) {
	fuzzBytes(f, MaxFrame, func(b []byte) ([]byte, error) {
		m, err := DecodeMessage(b)
		if err != nil {
			return nil, err
		}
		again, err := EncodeMessage(m)
		if err != nil {
			return nil, nil //nolint:nilerr // accepted but not to be sent: seen as a difference
		}
		if env := new(envelope); Decode(b, env) == nil && len(env.Opt) > 0 {
			return b, nil // optional extensions are dropped on purpose
		}
		return again, nil
	})
}

func FuzzDecodeIndexRequest(f *testing.F) {
	fuzzBytes(f, MaxIndexFrame, func(b []byte) ([]byte, error) { return decoders("index put", b) })
}

func FuzzDecodeIndexReply(f *testing.F) {
	fuzzBytes(f, MaxIndexFrame, func(b []byte) ([]byte, error) { return decoders("index reply", b) })
}

func FuzzAmountCBOR(f *testing.F) {
	fuzzBytes(f, 13, func(b []byte) ([]byte, error) { return decoders("amount", b) })
}

func FuzzAmountText(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAmount(s)
		if err != nil {
			return
		}
		if want := strings.TrimLeft(s, "0"); a.String() != want && (want != "" || !a.IsZero()) {
			t.Errorf("%q was read as %s", s, a)
		}
		if b, err := ParseAmount(a.String()); err != nil || b != a {
			t.Errorf("%s comes back as %s (%v)", a, b, err)
		}
	})
}

func FuzzParseUnits(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string, decimals byte) {
		a, err := ParseUnits(s, int(decimals))
		if err != nil {
			return
		}
		if b, err := ParseUnits(a.Units(int(decimals)), int(decimals)); err != nil || b != a {
			t.Errorf("%q is %s, written as %q, which is %s (%v)", s, a, a.Units(int(decimals)), b, err)
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }) {
			t.Errorf("%q was read as the number %s", s, a)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, limit uint16) {
		bounded(t, len(b)+int(limit), func() {
			r := bytes.NewReader(b)
			var again bytes.Buffer
			for {
				payload, err := ReadFrame(r, int(limit))
				if err != nil {
					if errors.Is(err, io.EOF) && again.Len() != len(b) {
						t.Errorf("a clean end after %d of %d bytes", again.Len(), len(b))
					}
					break
				}
				if err := WriteFrame(&again, payload, int(limit)); err != nil {
					t.Fatalf("a frame was read that may not be written: %v", err)
				}
			}
			if !bytes.HasPrefix(b, again.Bytes()) {
				t.Errorf("frames read from %x write as %x", b, again.Bytes())
			}
		})
	})
}

func FuzzRecover(f *testing.F) {
	f.Fuzz(func(t *testing.T, digest, sig []byte) {
		var d Hash
		var s Signature
		copy(d[:], digest)
		copy(s[:], sig)
		pub, err := Recover(d, s)
		if err != nil {
			return
		}
		if _, err := CheckSignature("signature", d, s, pub.Address()); err != nil || pub.Address().IsZero() {
			t.Errorf("recovered %x, which does not check: %v", pub, err)
		}
		s[63] ^= 1 // another s is another key or none
		if other, err := Recover(d, s); err == nil && other == pub {
			t.Errorf("two signatures of one r by one key over one digest")
		}
	})
}

func FuzzOfferVerify(f *testing.F) {
	if _, err := must(SignOffer(exampleOffer(), testKey("rig"))).Verify("local", epoch0); err != nil {
		f.Fatal(err) // and the curve's tables are made, once, before memory is counted
	}
	f.Fuzz(func(t *testing.T, offer, sig []byte) {
		bounded(t, len(offer), func() {
			s := SignedOffer{Offer: offer}
			copy(s.Signature[:], sig)
			v, err := s.Verify("local", epoch0)
			if err != nil {
				return
			}
			if again, err := Encode(v.Offer); err != nil || !bytes.Equal(again, offer) {
				t.Errorf("%x was accepted and encodes as %x (%v)", offer, again, err)
			}
			if v.Key.Address() != v.Rig {
				t.Errorf("offer of %s by the key of %s", v.Rig, v.Key.Address())
			}
		})
	})
}

package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// pattern is a plaintext of the vectors.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

type vector struct {
	Key        string `json:"key"`
	Salt       string `json:"salt"`
	PlainSize  int    `json:"plain_size"`
	SealedSize uint64 `json:"sealed_size"`
	SHA256     string `json:"sealed_sha256"`
	Sealed     string `json:"sealed"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	b, err := os.ReadFile("../testdata/seal.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Comment string   `json:"comment"`
		Files   []vector `json:"files"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file.Files
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors: another library seals to the same bytes, and they open.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		key, plain := Key(unhex(t, v.Key)), pattern(v.PlainSize)
		r, err := newSealer(key, unhex(t, v.Salt), bytes.NewReader(plain))
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(sealed); hex.EncodeToString(sum[:]) != v.SHA256 || (v.Sealed != "" && hex.EncodeToString(sealed) != v.Sealed) {
			t.Errorf("%d bytes: sealed to others", v.PlainSize)
		}
		if Size(uint64(v.PlainSize)) != v.SealedSize || uint64(len(sealed)) != v.SealedSize {
			t.Errorf("%d bytes: sealed to %d, Size says %d, want %d", v.PlainSize, len(sealed), Size(uint64(v.PlainSize)), v.SealedSize)
		}
		if n, err := PlainSize(v.SealedSize); err != nil || n != uint64(v.PlainSize) {
			t.Errorf("PlainSize(%d) = %d, %v; want %d", v.SealedSize, n, err, v.PlainSize)
		}
		if got, err := open(key, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: opened to %d, %v", v.PlainSize, len(got), err)
		}
		at, err := NewReaderAt(key, bytes.NewReader(sealed), int64(len(sealed)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(io.NewSectionReader(at, 0, at.Size())); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: read by ReaderAt to %d, %v", v.PlainSize, len(got), err)
		}
	}
}

func open(key Key, sealed []byte) ([]byte, error) {
	r, err := NewOpener(key, bytes.NewReader(sealed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func sealed(t *testing.T, key Key, plain []byte) []byte {
	t.Helper()
	r, err := NewSealer(key, iotest.HalfReader(bytes.NewReader(plain)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestNothingChangedOpens: no bit flip, cut, added byte, swap of chunks or other key
// goes unnoticed, and nothing is given of a chunk that is not authentic.
func TestNothingChangedOpens(t *testing.T) {
	key, plain := NewKey(), pattern(2*ChunkBytes+1000)
	good := sealed(t, key, plain)
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	swapped := bytes.Join([][]byte{good[:SaltBytes], good[ChunkBytes : 2*ChunkBytes], good[ChunkBytes:]}, nil)
	for name, bad := range map[string][]byte{
		"salt":                flip(3),
		"first chunk":         flip(SaltBytes + 100),
		"tag of a chunk":      flip(2*ChunkBytes - 1),
		"last chunk":          flip(len(good) - 1),
		"cut in a chunk":      good[:ChunkBytes+500],
		"cut between chunks":  good[:2*ChunkBytes],
		"cut to the salt":     good[:SaltBytes],
		"cut to less":         good[:SaltBytes-1],
		"nothing":             nil,
		"a byte more":         append(bytes.Clone(good), 0),
		"an empty chunk more": append(bytes.Clone(good[:2*ChunkBytes]), make([]byte, TagBytes)...),
		"chunks moved":        swapped,
		"twice":               append(bytes.Clone(good), good...),
	} {
		got, err := open(key, bad)
		if !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v, want ErrOpen", name, err)
		}
		if !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: gave bytes that were never sealed", name)
		}
		at, err := NewReaderAt(key, bytes.NewReader(bad), int64(len(bad)))
		if err == nil {
			_, err = io.ReadAll(io.NewSectionReader(at, 0, at.Size()))
		}
		if !errors.Is(err, ErrOpen) {
			t.Errorf("%s: ReaderAt: %v, want ErrOpen", name, err)
		}
	}
	if _, err := open(NewKey(), good); !errors.Is(err, ErrOpen) {
		t.Errorf("another key: %v, want ErrOpen", err)
	}
}

// TestSealedTwiceDiffers: equal files of one job show no likeness.
func TestSealedTwiceDiffers(t *testing.T) {
	key, plain := NewKey(), pattern(1000)
	a, b := sealed(t, key, plain), sealed(t, key, plain)
	if bytes.Equal(a, b) || bytes.Equal(a[SaltBytes:], b[SaltBytes:]) {
		t.Error("sealed to the same bytes twice")
	}
	if bytes.Contains(a, plain[:16]) {
		t.Error("the plaintext shows")
	}
}

func TestReadersKeepTheContract(t *testing.T) {
	key, plain := NewKey(), pattern(3000)
	b := sealed(t, key, plain)
	o, err := NewOpener(key, iotest.OneByteReader(bytes.NewReader(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(o, plain); err != nil {
		t.Error(err)
	}
	at, err := NewReaderAt(key, bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(io.NewSectionReader(at, 0, at.Size()), plain); err != nil {
		t.Error(err)
	}
	broken := errors.New("the disk broke")
	if _, err := NewOpener(key, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestRangesAcrossChunks reads around the places where chunks meet.
func TestRangesAcrossChunks(t *testing.T) {
	key, plain := NewKey(), pattern(3*ChunkBytes)
	b := sealed(t, key, plain)
	at, err := NewReaderAt(key, bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	first := plainLen(0)
	for _, off := range []int{0, first - 1, first, first + 1, first + plainBytes - 1, first + plainBytes, len(plain) - 1} {
		for _, n := range []int{1, 100, plainBytes + 2} {
			want := plain[off:min(off+n, len(plain))]
			got := make([]byte, n)
			k, err := at.ReadAt(got, int64(off))
			if k < n && errors.Is(err, io.EOF) {
				err = nil
			}
			if err != nil || !bytes.Equal(got[:k], want) {
				t.Errorf("%d bytes at %d: %d, %v, or other bytes", n, off, k, err)
			}
		}
	}
}

func TestKeyNeverPrints(t *testing.T) {
	k := NewKey()
	if k.IsZero() || !(Key{}).IsZero() || NewKey() == k {
		t.Error("keys are not drawn")
	}
	if b, err := json.Marshal(map[string]any{"key": k}); err != nil || string(b) != `{"key":"[sealing key]"}` {
		t.Errorf("JSON has %s, %v", b, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		for _, v := range []any{k, &k, struct{ K Key }{k}} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, fmt.Sprintf("%x", k[:4])) || strings.Contains(s, fmt.Sprint(k[0], " ", k[1])) {
				t.Errorf("%s of %T prints the key", verb, v)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	var key Key
	r, err := newSealer(key, make([]byte, SaltBytes), strings.NewReader("sealed"))
	if err != nil {
		f.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := open(key, data); err == nil && !bytes.Equal(data, b) {
			t.Errorf("%d bytes opened to %q", len(data), got)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	key, plain := NewKey(), pattern(16<<20)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		r, err := NewSealer(key, bytes.NewReader(plain))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}

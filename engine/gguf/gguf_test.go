package gguf

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// file writes GGUF bytes: strings with their length, everything else as is.
func file(parts ...any) []byte {
	var b bytes.Buffer
	for _, part := range parts {
		if s, ok := part.(string); ok {
			binary.Write(&b, binary.LittleEndian, uint64(len(s)))
			part = []byte(s)
		}
		binary.Write(&b, binary.LittleEndian, part)
	}
	return b.Bytes()
}

// preamble is the magic, a version and the counts.
func preamble(tensors, values uint64) []byte {
	return file([]byte("GGUF"), uint32(3), tensors, values)
}

// sample is a small valid file: one value of each shape and one F16 and one F32
// tensor.
func sample() []byte {
	head := file(preamble(2, 5),
		"name", uint32(kindString), "tiny",
		"layers", uint32(kindUint32), uint32(7),
		"offset", uint32(kindInt8), int8(-3),
		"epsilon", uint32(kindFloat32), float32(0.5),
		"scores", uint32(kindArray), uint32(kindFloat32), uint64(2), []float32{1.5, -2},
		"half", uint32(1), uint64(3), uint32(F16), uint64(0),
		"full", uint32(2), uint64(2), uint64(1), uint32(F32), uint64(32))
	head = append(head, make([]byte, -len(head)&31)...)
	data := file([]uint16{0x3c00, 0xc000, 0x0001}, make([]byte, 26), []float32{3, -4})
	return append(head, data...)
}

func read(p []byte) (*File, error) { return Read(bytes.NewReader(p), int64(len(p))) }

func TestReadsValuesAndTensors(t *testing.T) {
	f, err := read(sample())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := f.Text("name"); err != nil || s != "tiny" {
		t.Errorf("name = %q, %v", s, err)
	}
	if n, err := f.Int("offset", -3, 0); err != nil || n != -3 {
		t.Errorf("offset = %d, %v", n, err)
	}
	if x, err := f.Float("epsilon"); err != nil || x != 0.5 {
		t.Errorf("epsilon = %v, %v", x, err)
	}
	if xs, err := f.Floats("scores"); err != nil || len(xs) != 2 || xs[0] != 1.5 || xs[1] != -2 {
		t.Errorf("scores = %v, %v", xs, err)
	}
	half, err := f.Tensor("half", 3)
	if err != nil || half[0] != 1 || half[1] != -2 || half[2] != float32(math.Ldexp(1, -24)) {
		t.Errorf("half = %v, %v", half, err)
	}
	full, err := f.Tensor("full", 2, 1)
	if err != nil || full[0] != 3 || full[1] != -4 {
		t.Errorf("full = %v, %v", full, err)
	}
}

func TestHalfWidensEveryNumberExactly(t *testing.T) {
	for bits := range 1 << 16 {
		exponent, fraction := bits>>10&0x1f, float64(bits&0x3ff)
		want := math.Ldexp(1+fraction/1024, exponent-15)
		switch {
		case exponent == 0:
			want = math.Ldexp(fraction, -24)
		case exponent == 31 && fraction == 0:
			want = math.Inf(1)
		case exponent == 31:
			want = math.NaN()
		}
		if bits>>15 == 1 {
			want = -want
		}
		got := float64(Half(uint16(bits)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("Half(%#04x) = %v, want %v", bits, got, want)
		}
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	tensor := func(parts ...any) []byte { return file(append([]any{preamble(1, 0)}, parts...)...) }
	value := func(parts ...any) []byte { return file(append([]any{preamble(0, 1)}, parts...)...) }
	twice := file(preamble(0, 2), "a", uint32(kindUint8), uint8(1), "a", uint32(kindUint8), uint8(1))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":                {nil, "magic: needs 4 bytes, 0 are left"},
		"not GGUF":             {[]byte("PK\x03\x04...."), "is not GGUF"},
		"version 1":            {file([]byte("GGUF"), uint32(1)), "version 1, versions 2 and 3 are supported"},
		"truncated":            {sample()[:60], "exceeds the 0 bytes left"},
		"too many tensors":     {preamble(1<<40, 0), "tensor count 1099511627776 exceeds the limit 16384"},
		"too many values":      {preamble(0, 1<<63), "value count 9223372036854775808 exceeds the limit 4096"},
		"long key":             {value(uint64(1<<32), uint64(0)), "key length 4294967296 exceeds the limit"},
		"key beyond file":      {value(uint64(1000)), "key length 1000 exceeds the 0 bytes left"},
		"duplicate key":        {twice, `key "a" appears twice`},
		"unknown type":         {value("a", uint32(13)), "type 13, types 0 to 12 are known"},
		"array of arrays":      {value("a", uint32(kindArray), uint32(kindArray), uint64(1)), "array of type 9 is not supported"},
		"long array":           {value("a", uint32(kindArray), uint32(kindUint8), uint64(1<<30)), "array length 1073741824 exceeds the limit"},
		"array beyond file":    {value("a", uint32(kindArray), uint32(kindUint64), uint64(1000)), "array length 1000 needs 8000 bytes, 0 are left"},
		"strings beyond file":  {value("a", uint32(kindArray), uint32(kindString), uint64(1000)), "needs 8000 bytes"},
		"no dimensions":        {tensor("w", uint32(0)), `tensor "w" has 0 dimensions`},
		"many dimensions":      {tensor("w", uint32(1<<31)), "has 2147483648 dimensions, 1 to 4 are allowed"},
		"zero elements":        {tensor("w", uint32(1), uint64(0)), "elements must be 1 to"},
		"overflowing elements": {tensor("w", uint32(2), uint64(1<<32), uint64(1<<32)), "elements must be 1 to 4294967296"},
		"quantised":            {tensor("w", uint32(1), uint64(1), uint32(12), uint64(0)), "rows of 1 numbers are not whole blocks of 256"},
		"tensor beyond file":   {tensor("w", uint32(1), uint64(8), uint32(0), uint64(0)), "ends beyond the file"},
		"offset overflow":      {tensor("w", uint32(1), uint64(8), uint32(0), uint64(math.MaxUint64)), "ends beyond the file"},
		"zero alignment":       {value("general.alignment", uint32(kindUint32), uint32(0)), "general.alignment 0 is outside 1 to 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestWrongTypesAndShapesAreRefused(t *testing.T) {
	f, err := read(sample())
	if err != nil {
		t.Fatal(err)
	}
	_, missing := f.Text("nothing")
	_, text := f.Text("layers")
	_, high := f.Int("layers", 1, 6)
	_, scalar := f.Float("scores")
	_, shape := f.Tensor("full", 1, 2)
	for want, err := range map[string]error{
		"nothing is missing":                        missing,
		"layers has type 4, want string":            text,
		"layers 7 is outside 1 to 6":                high,
		"scores has type 6, want float":             scalar,
		"\"full\" has dimensions [2 1], want [1 2]": shape,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// FuzzRead checks that no file panics, and that what Read accepts can be read.
func FuzzRead(f *testing.F) {
	f.Add(sample())
	f.Add(preamble(0, 0))
	f.Add(preamble(1<<40, 1<<40))
	for _, n := range []int{3, 24, 60, 120, 200, 300} {
		f.Add(sample()[:min(n, len(sample()))])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		parsed, err := read(p)
		if err != nil {
			return
		}
		for _, name := range parsed.TensorNames() {
			format, raw, err := parsed.Raw(name, parsed.tensors[name].dims...)
			if err != nil || len(raw) != format.Bytes(int(parsed.tensors[name].elements)) {
				t.Errorf("an accepted tensor cannot be read: %d bytes, %v", len(raw), err)
			}
		}
	})
}

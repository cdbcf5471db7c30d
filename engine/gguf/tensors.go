package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
)

// Tensor element types that Tensor can decode.
const (
	typeF32 = 0
	typeF16 = 1
)

// File is a model file whose header has been read and checked.
type File struct {
	r       io.ReaderAt
	values  map[string]value
	tensors map[string]tensor
	names   []string // the tensors in the file's order
}

// tensor is one entry of the tensor list. dims are in the file's order, the
// fastest-varying first.
type tensor struct {
	kind     uint64
	dims     []uint64
	elements uint64
	offset   uint64 // relative to the data section until place, then to the file
}

// readTensor reads one entry of the tensor list.
func (f *File) readTensor(h *header) error {
	name, err := h.text("name")
	if err != nil {
		return err
	}
	if _, twice := f.tensors[name]; twice {
		return fmt.Errorf("tensor %q appears twice", name)
	}
	n, err := h.number(kindUint32)
	if err != nil {
		return fmt.Errorf("tensor %q: dimensions: %w", name, err)
	}
	if n < 1 || n > MaxDims {
		return fmt.Errorf("tensor %q has %d dimensions, 1 to %d are allowed", name, n, MaxDims)
	}
	t := tensor{dims: make([]uint64, n), elements: 1}
	for i := range t.dims {
		if t.dims[i], err = h.count("dimension", MaxElements); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		over, product := bits.Mul64(t.elements, t.dims[i])
		if over != 0 || product == 0 || product > MaxElements {
			return fmt.Errorf("tensor %q dimensions %v: elements must be 1 to %d", name, t.dims[:i+1], MaxElements)
		}
		t.elements = product
	}
	if t.kind, err = h.number(kindUint32); err != nil {
		return fmt.Errorf("tensor %q: type: %w", name, err)
	}
	if t.offset, err = h.number(kindUint64); err != nil {
		return fmt.Errorf("tensor %q: offset: %w", name, err)
	}
	if t.kind != typeF32 && t.kind != typeF16 {
		return fmt.Errorf("tensor %q has type %d; F32 (0) and F16 (1) are supported, convert the model to F16", name, t.kind)
	}
	f.tensors[name] = t
	f.names = append(f.names, name)
	return nil
}

// place turns offsets into file positions and checks that every tensor lies
// inside the file. The data section begins at the next aligned byte.
func (f *File) place(h *header) error {
	align := int64(32)
	if f.Has("general.alignment") {
		n, err := f.Int("general.alignment", 1, maxAlign)
		if err != nil {
			return err
		}
		align = int64(n)
	}
	start := (h.read + align - 1) / align * align
	for _, name := range f.names {
		t := f.tensors[name]
		size := t.elements * t.width()
		if start > h.size || t.offset > uint64(h.size-start) || size > uint64(h.size-start)-t.offset {
			return fmt.Errorf("gguf: tensor %q at offset %d with %d bytes ends beyond the file (%d bytes)", name, t.offset, size, h.size)
		}
		t.offset += uint64(start)
		f.tensors[name] = t
	}
	return nil
}

// width is the bytes of one element.
func (t tensor) width() uint64 {
	if t.kind == typeF32 {
		return 4
	}
	return 2
}

// HasTensor reports whether the file has a tensor of that name.
func (f *File) HasTensor(name string) bool {
	_, ok := f.tensors[name]
	return ok
}

// TensorNames lists the tensors in the file's order. The caller must not
// change the list.
func (f *File) TensorNames() []string { return f.names }

// Tensor reads a tensor and decodes it to float32. Its dimensions, the
// fastest-varying first, must be exactly dims.
func (f *File) Tensor(name string, dims ...uint64) ([]float32, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, fmt.Errorf("gguf: tensor %q is missing", name)
	}
	if !slices.Equal(t.dims, dims) {
		return nil, fmt.Errorf("gguf: tensor %q has dimensions %v, want %v", name, t.dims, dims)
	}
	out := make([]float32, t.elements)
	width := int(t.width())
	chunk := make([]byte, min(len(out)*width, 1<<16))
	at := int64(t.offset)
	for rest := out; len(rest) > 0; {
		p := chunk[:min(len(chunk), len(rest)*width)]
		if n, err := f.r.ReadAt(p, at); n < len(p) {
			return nil, fmt.Errorf("gguf: tensor %q: read %d bytes at %d: %w", name, len(p), at, err)
		}
		at += int64(len(p))
		if t.kind == typeF32 {
			decodeF32(rest, p)
		} else {
			decodeF16(rest, p)
		}
		rest = rest[len(p)/width:]
	}
	return out, nil
}

// decodeF32 decodes len(p)/4 numbers into out.
func decodeF32(out []float32, p []byte) {
	for i := range len(p) / 4 {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
	}
}

// decodeF16 decodes len(p)/2 IEEE half-precision numbers into out.
func decodeF16(out []float32, p []byte) {
	for i := range out[:len(p)/2] {
		out[i] = half(binary.LittleEndian.Uint16(p[2*i:]))
	}
}

// half widens an IEEE 754 half-precision number; the result is exact. Moved into
// place, its exponent is 112 too small for float32, which a product with a power
// of two corrects, for subnormal numbers as well.
func half(h uint16) float32 {
	const infinity = 0x7c00
	magnitude := math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112
	if h&infinity == infinity {
		magnitude = math.Float32frombits(0x7f800000 | uint32(h&0x3ff)<<13)
	}
	return math.Float32frombits(math.Float32bits(magnitude) | uint32(h&0x8000)<<16)
}

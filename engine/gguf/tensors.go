package gguf

import (
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// File is a model file whose header has been read and checked.
type File struct {
	r       io.ReaderAt
	close   func() error
	values  map[string]value
	tensors map[string]tensor
	names   []string // the tensors in the file's order
}

// tensor is one entry of the tensor list. dims are in the file's order, the
// fastest-varying first.
type tensor struct {
	format   Format
	dims     []uint64
	elements uint64
	offset   uint64 // relative to the data section until place, then to the file
}

// size is the tensor's bytes in the file.
func (t tensor) size() uint64 {
	elements, bytes := t.format.Block()
	return t.elements / uint64(elements) * uint64(bytes)
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
			return fmt.Errorf("tensor %q dimensions %v: elements must be 1 to %d", name, t.dims[:i+1], uint64(MaxElements))
		}
		t.elements = product
	}
	kind, err := h.number(kindUint32)
	if err != nil {
		return fmt.Errorf("tensor %q: type: %w", name, err)
	}
	if t.format = Format(kind); !t.format.Known() {
		return fmt.Errorf("tensor %q has %v; F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K and Q6_K are supported, convert the model to one of them", name, t.format)
	}
	if block, _ := t.format.Block(); t.dims[0]%uint64(block) != 0 {
		return fmt.Errorf("tensor %q: rows of %d numbers are not whole blocks of %d, which %v has", name, t.dims[0], block, t.format)
	}
	if t.offset, err = h.number(kindUint64); err != nil {
		return fmt.Errorf("tensor %q: offset: %w", name, err)
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
		size := t.size()
		if start > h.size || t.offset > uint64(h.size-start) || size > uint64(h.size-start)-t.offset {
			return fmt.Errorf("gguf: tensor %q at offset %d with %d bytes ends beyond the file (%d bytes)", name, t.offset, size, h.size)
		}
		t.offset += uint64(start)
		f.tensors[name] = t
	}
	return nil
}

// HasTensor reports whether the file has a tensor of that name.
func (f *File) HasTensor(name string) bool {
	_, ok := f.tensors[name]
	return ok
}

// TensorNames lists the tensors in the file's order. The caller must not
// change the list.
func (f *File) TensorNames() []string { return f.names }

// tensor returns the entry of a tensor with exactly these dimensions.
func (f *File) tensor(name string, dims []uint64) (tensor, error) {
	t, ok := f.tensors[name]
	if !ok {
		return t, fmt.Errorf("gguf: tensor %q is missing", name)
	}
	if !slices.Equal(t.dims, dims) {
		return t, fmt.Errorf("gguf: tensor %q has dimensions %v, want %v", name, t.dims, dims)
	}
	return t, nil
}

// Raw returns a tensor as it is stored, with its format: in place where the file
// is in memory, which the caller must not change, else a copy. Its dimensions,
// the fastest-varying first, must be exactly dims.
func (f *File) Raw(name string, dims ...uint64) (Format, []byte, error) {
	t, err := f.tensor(name, dims)
	if err != nil {
		return 0, nil, err
	}
	if m, ok := f.r.(memory); ok {
		return t.format, m[t.offset : t.offset+t.size()], nil
	}
	p := make([]byte, t.size())
	if n, err := f.r.ReadAt(p, int64(t.offset)); n < len(p) {
		return 0, nil, fmt.Errorf("gguf: tensor %q: read %d bytes at %d: %w", name, len(p), t.offset, err)
	}
	return t.format, p, nil
}

// Tensor reads a tensor of F32, F16 or BF16 and decodes it to float32. Its
// dimensions, the fastest-varying first, must be exactly dims.
func (f *File) Tensor(name string, dims ...uint64) ([]float32, error) {
	t, err := f.tensor(name, dims)
	if err != nil {
		return nil, err
	}
	elements, width := t.format.Block()
	if elements != 1 {
		return nil, fmt.Errorf("gguf: tensor %q has format %v where F32, F16 or BF16 is needed; convert the model to F16", name, t.format)
	}
	out := make([]float32, t.elements)
	chunk := make([]byte, min(len(out)*width, 1<<16))
	at := int64(t.offset)
	for rest := out; len(rest) > 0; {
		p := chunk[:min(len(chunk), len(rest)*width)]
		if n, err := f.r.ReadAt(p, at); n < len(p) {
			return nil, fmt.Errorf("gguf: tensor %q: read %d bytes at %d: %w", name, len(p), at, err)
		}
		at += int64(len(p))
		decode(t.format, rest, p)
		rest = rest[len(p)/width:]
	}
	return out, nil
}

package gguf

import (
	"fmt"
	"math"
)

// value is one header entry: a scalar in bits or text, or an array of them.
// Floats are kept as the bits of their float64.
type value struct {
	kind  uint32
	array bool
	bits  uint64
	text  string
	nums  []uint64
	texts []string
}

// readValue reads one key and its value.
func (f *File) readValue(h *header) error {
	key, err := h.text("key")
	if err != nil {
		return err
	}
	if _, twice := f.values[key]; twice {
		return fmt.Errorf("key %q appears twice", key)
	}
	v, err := h.value()
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	f.values[key] = v
	return nil
}

// value reads a type and a value of that type.
func (h *header) value() (value, error) {
	kind, err := h.number(kindUint32)
	if err != nil {
		return value{}, fmt.Errorf("type: %w", err)
	}
	v := value{kind: uint32(kind)}
	switch {
	case kind == kindArray:
		return h.array()
	case kind == kindString:
		v.text, err = h.text("string")
	case kind < uint64(len(widths)):
		v.bits, err = h.number(v.kind)
	default:
		err = fmt.Errorf("type %d, types 0 to %d are known", kind, len(widths)-1)
	}
	return v, err
}

// array reads an item type, a count and the items; arrays of arrays are refused.
func (h *header) array() (value, error) {
	kind, err := h.number(kindUint32)
	if err != nil {
		return value{}, fmt.Errorf("array type: %w", err)
	}
	if kind == kindArray || kind >= uint64(len(widths)) {
		return value{}, fmt.Errorf("array of type %d is not supported", kind)
	}
	n, err := h.count("array length", MaxArray)
	if err != nil {
		return value{}, err
	}
	v := value{kind: uint32(kind), array: true}
	smallest := uint64(widths[kind])
	if kind == kindString {
		smallest = 8
	}
	if n*smallest > uint64(h.left) {
		return value{}, fmt.Errorf("array length %d needs %d bytes, %d are left", n, n*smallest, h.left)
	}
	if kind == kindString {
		v.texts = make([]string, n)
		for i := range v.texts {
			if v.texts[i], err = h.text("array item"); err != nil {
				return value{}, err
			}
		}
		return v, nil
	}
	v.nums = make([]uint64, n)
	for i := range v.nums {
		if v.nums[i], err = h.number(v.kind); err != nil {
			return value{}, err
		}
	}
	return v, nil
}

// Has reports whether the header has the key.
func (f *File) Has(key string) bool {
	_, ok := f.values[key]
	return ok
}

// find returns the entry of a key if its type is one that fits accepts.
func (f *File) find(key, want string, fits func(value) bool) (value, error) {
	v, ok := f.values[key]
	if !ok {
		return v, fmt.Errorf("gguf: %s is missing", key)
	}
	if !fits(v) {
		return v, fmt.Errorf("gguf: %s has type %d, want %s", key, v.kind, want)
	}
	return v, nil
}

func isInt(kind uint32) bool {
	return kind <= kindInt32 || kind == kindUint64 || kind == kindInt64
}

func isFloat(kind uint32) bool { return kind == kindFloat32 || kind == kindFloat64 }

// Text returns a string of the header.
func (f *File) Text(key string) (string, error) {
	v, err := f.find(key, "string", func(v value) bool { return v.kind == kindString && !v.array })
	return v.text, err
}

// Int returns an integer of the header, which must lie in [lo, hi].
func (f *File) Int(key string, lo, hi int) (int, error) {
	v, err := f.find(key, "integer", func(v value) bool { return isInt(v.kind) && !v.array })
	if err != nil {
		return 0, err
	}
	if n := int64(v.bits); n >= int64(lo) && n <= int64(hi) {
		return int(n), nil
	}
	return 0, fmt.Errorf("gguf: %s %d is outside %d to %d", key, int64(v.bits), lo, hi)
}

// Float returns a finite floating-point number of the header.
func (f *File) Float(key string) (float64, error) {
	v, err := f.find(key, "float", func(v value) bool { return isFloat(v.kind) && !v.array })
	if err != nil {
		return 0, err
	}
	x := math.Float64frombits(v.bits)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("gguf: %s is not a finite number", key)
	}
	return x, nil
}

// Bool returns a boolean of the header.
func (f *File) Bool(key string) (bool, error) {
	v, err := f.find(key, "bool", func(v value) bool { return v.kind == kindBool && !v.array })
	return v.bits != 0, err
}

// Texts returns an array of strings. The caller must not change it.
func (f *File) Texts(key string) ([]string, error) {
	v, err := f.find(key, "array of strings", func(v value) bool { return v.kind == kindString && v.array })
	return v.texts, err
}

// Ints returns an array of integers.
func (f *File) Ints(key string) ([]int64, error) {
	v, err := f.find(key, "array of integers", func(v value) bool { return isInt(v.kind) && v.array })
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(v.nums))
	for i, n := range v.nums {
		out[i] = int64(n)
	}
	return out, nil
}

// Floats returns an array of finite floating-point numbers.
func (f *File) Floats(key string) ([]float32, error) {
	v, err := f.find(key, "array of floats", func(v value) bool { return isFloat(v.kind) && v.array })
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(v.nums))
	for i, n := range v.nums {
		x := math.Float64frombits(n)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fmt.Errorf("gguf: %s item %d is not a finite number", key, i)
		}
		out[i] = float32(x)
	}
	return out, nil
}

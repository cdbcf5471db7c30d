package calls

import (
	"bytes"
	"testing"
)

// FuzzBack: whatever the bytes are, they come back.
func FuzzBack(f *testing.F) {
	f.Add([]byte{0x90, 0xe8, 1, 2, 3, 4, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0xe8, 0, 0xe8})
	f.Add(bytes.Repeat([]byte{0xe8, 0xff}, 40))
	f.Add([]byte{0xe8})
	f.Fuzz(func(t *testing.T, program []byte) {
		turned := bytes.Clone(program)
		Absolute(turned)
		Relative(turned)
		if !bytes.Equal(turned, program) {
			t.Errorf("%x comes back as %x", program, turned)
		}
	})
}

// TestEqualCallees: two calls of one function are the same bytes.
func TestEqualCallees(t *testing.T) {
	program := []byte{0xe8, 0x5b, 0, 0, 0, 0xe8, 0x56, 0, 0, 0} // both to 0x60
	Absolute(program)
	if !bytes.Equal(program[:5], program[5:]) {
		t.Errorf("they are %x", program)
	}
}

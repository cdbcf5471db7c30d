package docker

import (
	"bytes"
	"testing"
)

// TestTrailerIsFoundHoweverItIsCut: output and trailer come in pieces of any size, and
// what only begins like a trailer is output.
func TestTrailerIsFoundHoweverItIsCut(t *testing.T) {
	t.Parallel()
	trailer := newTrailer()
	if len(trailer) != trailerSize || bytes.LastIndexByte(trailer, trailer[0]) != 0 {
		t.Fatalf("trailer %q is not %d bytes with its first once", trailer, trailerSize)
	}
	for _, output := range []string{
		"", "text\n", "\x00", "\x00\x00\x00", string(trailer[:trailerSize-1]),
		string(trailer[:5]) + string(trailer[:9]) + "x", "a\x00b" + string(trailer[:1]),
	} {
		all := append([]byte(output), trailer...)
		for size := 1; size <= len(all); size++ {
			e := ender{trailer: trailer}
			var got []byte
			for rest := all; len(rest) > 0; {
				n := min(size, len(rest))
				if e.seen {
					t.Fatalf("output %q in pieces of %d ended early", output, size)
				}
				out, after := e.scan(rest[:n])
				got = append(got, out...)
				if len(after) != 0 {
					t.Fatalf("%q follows the trailer", after)
				}
				rest = rest[n:]
			}
			if !e.seen || string(got) != output {
				t.Fatalf("output %q in pieces of %d became %q, end seen: %t", output, size, got, e.seen)
			}
		}
	}
}

// TestOutputIsNotLate: text is passed on whole as it comes.
func TestOutputIsNotLate(t *testing.T) {
	t.Parallel()
	e := ender{trailer: newTrailer()}
	for _, text := range []string{"r", "ready", "\n"} {
		if got, _ := e.scan([]byte(text)); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

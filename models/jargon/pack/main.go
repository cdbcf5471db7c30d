// Command pack writes the packed form of a GGUF file of F16 weights that package jargon
// embeds; with -unpack, the GGUF file of package jargon.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/rerig/rerig/models/jargon"
)

func main() {
	unpack := flag.Bool("unpack", false, "write the model file of this checkout to OUT")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: pack IN OUT, or pack -unpack OUT") }
	flag.Parse()
	var err error
	switch {
	case *unpack && flag.NArg() == 1:
		err = os.WriteFile(flag.Arg(0), jargon.GGUF(), 0o644)
	case !*unpack && flag.NArg() == 2:
		err = pack(flag.Arg(0), flag.Arg(1))
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// pack puts the low byte of every weight before the high ones: only those, which hold the
// exponents, are alike.
func pack(in, out string) error {
	b, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	if len(b)%2 != 0 {
		return fmt.Errorf("%s has an odd number of bytes", in)
	}
	planes := make([]byte, len(b))
	for i := range len(b) / 2 {
		planes[i], planes[len(b)/2+i] = b[2*i], b[2*i+1]
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	packed := z.EncodeAll(planes, nil)
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, packed, 0o644)
}

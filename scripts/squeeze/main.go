// Command squeeze writes a file, or several as a tar archive, to OUT with zstd, without
// times, so that equal input gives equal output. The build uses it for what rerig embeds,
// because Go and make are all that the build may need, and rerig has the decoder anyway.
// In an archive, what two programs have in common is there once.
package main

import (
	"archive/tar"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/rerig/rerig/node/runner/wasm/calls"
)

// windowBytes is how far back equal bytes are found: more than the first of two programs.
const windowBytes = 32 << 20

func main() {
	turn := flag.Bool("calls", false, "the one IN is a program for x86-64: turn its calls, see package calls")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: squeeze [-calls] IN... OUT (of more than one IN, a tar archive)")
	}
	flag.Parse()
	last := flag.NArg() - 1
	if last < 1 || *turn && last > 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := squeeze(flag.Args()[:last], flag.Arg(last), *turn); err != nil {
		fmt.Fprintln(os.Stderr, "squeeze:", err)
		os.Exit(1)
	}
}

func squeeze(in []string, out string, turn bool) error {
	var whole bytes.Buffer
	archive := tar.NewWriter(&whole)
	for _, name := range in {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if len(in) > 1 {
			if err := archive.WriteHeader(&tar.Header{Name: filepath.Base(name), Mode: 0o644, Size: int64(len(b))}); err != nil {
				return err
			}
			_, err = archive.Write(b)
		} else {
			_, err = whole.Write(b)
		}
		if err != nil {
			return err
		}
	}
	if len(in) > 1 {
		if err := archive.Close(); err != nil {
			return err
		}
	}
	if turn {
		calls.Absolute(whole.Bytes())
	}
	if holds(out, whole.Bytes()) {
		return nil
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithWindowSize(windowBytes), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	packed := z.EncodeAll(whole.Bytes(), nil)
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, packed, 0o644)
}

// holds tells whether a file has that in it already: packing takes seconds, looking a tenth of
// one.
func holds(path string, whole []byte) bool {
	packed, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		return false
	}
	defer z.Close()
	had, err := z.DecodeAll(packed, nil)
	return err == nil && bytes.Equal(had, whole)
}

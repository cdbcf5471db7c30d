// Package modules holds the WASM modules that Rerig ships: lm, which continues a
// prompt with a language model, and thumb, which makes a thumbnail of an image.
// They follow the sandbox convention of SPEC section 5.1 and are compiled into
// dist, in one compressed archive, before this package is built; see the Makefile.
package modules

import (
	"archive/tar"
	"bytes"
	"embed"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

//go:embed all:dist
var dist embed.FS

// LM returns the inference module. It fails when this binary was built without
// its modules.
func LM() ([]byte, error) { return module("lm") }

// Thumb returns the thumbnail module. It fails when this binary was built
// without its modules.
func Thumb() ([]byte, error) { return module("thumb") }

func module(name string) ([]byte, error) {
	packed, err := dist.ReadFile("dist/modules.tar.zst")
	if err != nil {
		return nil, fmt.Errorf("module %s is not in this binary: run `make build`, then use the binary it makes", name)
	}
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", name, err)
	}
	defer z.Close()
	archive := tar.NewReader(z)
	for {
		h, err := archive.Next()
		if err != nil {
			return nil, fmt.Errorf("module %s: %w", name, err)
		}
		if h.Name != name+".wasm" {
			continue
		}
		b := make([]byte, h.Size) // this binary's own file, not a stranger's
		if _, err := io.ReadFull(archive, b); err != nil {
			return nil, fmt.Errorf("module %s: %w", name, err)
		}
		return b, nil
	}
}

// Package modules holds the WASM modules that Rerig ships: lm, which continues a
// prompt with a language model, and thumb, which makes a thumbnail of an image.
// They follow the sandbox convention of SPEC section 5.1 and are compiled into
// dist, compressed, before this package is built; see the Makefile.
package modules

import (
	"compress/gzip"
	"embed"
	"fmt"
	"io"
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
	f, err := dist.Open("dist/" + name + ".wasm.gz")
	if err != nil {
		return nil, fmt.Errorf("module %s is not in this binary: run `make build`, then use the binary it makes", name)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", name, err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", name, err)
	}
	return b, nil
}

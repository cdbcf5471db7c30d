// Package jargon holds a small language model trained on the Jargon File: a GGUF
// file of the llama family with F16 weights. README.md tells where the text comes
// from and how the weights are made.
package jargon

import (
	_ "embed"

	"github.com/klauspost/compress/zstd"
)

// packed is the low bytes of all weights, then the high ones, with zstd; see pack.
//
//go:embed jargon-f16.gguf.zst
var packed []byte

// GGUF returns the model file, unpacked for this caller.
func GGUF() []byte {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic(err) // never: the options are constant
	}
	defer z.Close()
	planes, err := z.DecodeAll(packed, nil)
	if err != nil {
		panic(err) // never: the test unpacks this very file
	}
	half := len(planes) / 2
	file := make([]byte, len(planes))
	for i := range half {
		file[2*i], file[2*i+1] = planes[i], planes[half+i]
	}
	return file
}

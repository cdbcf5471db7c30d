// Package jargon holds a small language model trained on the Jargon File: a GGUF
// file of the llama family with F16 weights. README.md tells where the text comes
// from and how the weights are made.
package jargon

import _ "embed"

// GGUF is the model file. The caller must not change it.
//
//go:embed jargon-f16.gguf
var GGUF []byte

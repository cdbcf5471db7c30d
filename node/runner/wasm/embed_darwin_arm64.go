package wasm

import "embed"

//go:embed all:dist/darwin_arm64
var dist embed.FS

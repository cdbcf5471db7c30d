package wasm

import "embed"

//go:embed all:dist/windows_amd64
var dist embed.FS

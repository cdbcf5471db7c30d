package wasm

import "embed"

//go:embed all:dist/linux_amd64
var dist embed.FS

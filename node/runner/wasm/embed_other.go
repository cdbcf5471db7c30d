//go:build !(linux && (amd64 || arm64)) && !(windows && amd64) && !(darwin && arm64)

package wasm

import "embed"

// No sandbox is built for this platform: New needs Config.SandboxPath.
var dist embed.FS

//go:build linux && (nogvisor || !(amd64 || arm64))

package gvisor

import "embed"

// This build holds no sandbox program: New needs Config.Sandbox.
var dist embed.FS

//go:build !nogvisor

package gvisor

import "embed"

//go:embed all:dist/linux_arm64
var dist embed.FS

//go:build !nogvisor

package gvisor

import "embed"

//go:embed all:dist/linux_amd64
var dist embed.FS

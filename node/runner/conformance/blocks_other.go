//go:build !unix

package conformance

import "io/fs"

// blocks is what a file takes on the disk.
func blocks(info fs.FileInfo) int64 { return info.Size() }

//go:build !linux

package wasm

import "time"

// processCPU knows nothing here: the child reports its own CPU time.
func processCPU(int) time.Duration { return 0 }

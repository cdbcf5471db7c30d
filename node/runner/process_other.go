//go:build !linux

package runner

import "time"

// processCPU knows nothing here: the child reports its own CPU time.
func processCPU(int) time.Duration { return 0 }

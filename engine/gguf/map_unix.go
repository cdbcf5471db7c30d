//go:build unix

package gguf

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps size bytes of a file for reading.
func mapFile(file *os.File, size int64) (memory, func() error, error) {
	if size <= 0 || size > math.MaxInt {
		return nil, nil, errors.New("nothing to map")
	}
	p, err := unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return p, func() error { return unix.Munmap(p) }, nil
}

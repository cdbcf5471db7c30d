//go:build !unix

package gguf

import (
	"errors"
	"os"
)

// mapFile refuses: the tensors are read instead.
func mapFile(*os.File, int64) (memory, func() error, error) {
	return nil, nil, errors.ErrUnsupported
}

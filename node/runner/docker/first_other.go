//go:build !linux

package docker

import (
	"errors"
	"io"
)

// first is never asked: helpers are Linux programs.
func first(_, _ string, _ []string, _ io.Reader, _ io.Writer) error {
	return errors.New("not on this system")
}

//go:build !linux

package docker

import (
	"errors"
	"io"
)

// first is never asked: helpers are Linux programs.
func first(string, []string, io.Reader, io.Writer) error {
	return errors.New("not on this system")
}

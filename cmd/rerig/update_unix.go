//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// startAgain runs the program at a path in this process's place. It returns an error only.
func startAgain(at string) error {
	if err := syscall.Exec(at, os.Args, os.Environ()); err != nil {
		return fmt.Errorf("start %s again: %w; start it by hand", at, err)
	}
	return nil
}

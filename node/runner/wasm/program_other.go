//go:build !linux

package wasm

import (
	"os"
	"path/filepath"
	"runtime"
)

// unpackProgram writes the sandbox into the data directory.
func unpackProgram(b []byte, dir string) (program, error) {
	name := filepath.Join(dir, "rerig-sandbox")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	fresh := name + ".new"
	if err := os.WriteFile(fresh, b, 0o700); err != nil {
		return program{}, err
	}
	return program{path: name}, os.Rename(fresh, name)
}

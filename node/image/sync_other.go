//go:build !linux

package image

import (
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
)

// syncTree puts everything below a directory on the medium.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	})
}

// bootID names this run of the system. Where it cannot be told, nothing survives this
// process unsynced.
func bootID() string { return rand.Text() }

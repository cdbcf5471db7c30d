package node

import (
	"os"
	"path/filepath"
)

// makeDir makes a directory and what is missing above it, so that they are still
// there after a power cut: a file that was fsynced in one that is not is lost.
func makeDir(dir string) error {
	var parents []string // of what is missing, the nearest first
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		parents = append(parents, filepath.Dir(at))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, p := range parents {
		syncDir(p)
	}
	return nil
}

// syncDir makes the names in a directory durable, where that can be done.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil { // a directory cannot be synced everywhere
		_ = d.Sync()
		_ = d.Close()
	}
}

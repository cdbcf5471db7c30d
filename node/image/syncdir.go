package image

import (
	"os"
	"runtime"
)

// syncDir makes names in a directory durable. Windows cannot sync one and does not need
// it.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

package hardware

import (
	"errors"
	"os"
	"path/filepath"
)

// writeDurably replaces a file as a whole: a crash or a power cut leaves the old one or the
// new one. The temporary file has no extension that a reader of the directory knows.
func writeDurably(path string, b []byte, mode os.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone by then when it was renamed
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // a directory cannot be synced everywhere
		_ = d.Sync()
		_ = d.Close()
	}
	return nil
}

package runner

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// LinkFile gives a file that nobody changes another name, which must be free: a hard link
// where the file system has them, otherwise a copy with mode. A copy that fails is removed.
func LinkFile(from, to string, mode fs.FileMode) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		err = errors.Join(err, os.Remove(to)) // the disk may be full of it
	}
	return err
}

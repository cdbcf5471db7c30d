package update

import (
	"archive/zip"
	"errors"
	"io"
	"path"
)

// program copies the program out of a zip of so many bytes.
func program(from io.ReaderAt, size int64, to io.Writer) (err error) {
	z, err := zip.NewReader(from, size)
	if err != nil {
		return err
	}
	for _, one := range z.File {
		if path.Base(one.Name) != "rerig.exe" {
			continue
		}
		r, err := one.Open()
		if err != nil {
			return err
		}
		return errors.Join(pour(to, r), r.Close())
	}
	return errors.New("there is no program in it")
}

//go:build !windows

package update

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"path"
)

// program copies the program out of a tarball.
func program(from io.Reader, _ int64, to io.Writer) error {
	z, err := gzip.NewReader(from)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return errors.New("there is no program in it")
		}
		if err != nil {
			return err
		}
		if head.Typeflag == tar.TypeReg && path.Base(head.Name) == "rerig" {
			return pour(to, r)
		}
	}
}

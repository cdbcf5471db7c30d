package update

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// unpack copies the program out of an archive, once the archive's sum is that expected.
func unpack(archive, sum string, to io.Writer) (err error) {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("its SHA-256 is %s, the signed one %s: the archive was changed; nothing was installed", got, sum)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if strings.HasSuffix(archive, ".zip") || isZip(f) {
		return fromZip(f, size, to)
	}
	return fromTarball(f, to)
}

// isZip looks at the first bytes: what is kept has no ending. It leaves the file at its start.
func isZip(f *os.File) bool {
	var head [4]byte
	_, err := f.ReadAt(head[:], 0)
	return err == nil && string(head[:]) == "PK\x03\x04"
}

func fromTarball(from io.Reader, to io.Writer) error {
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

func fromZip(from io.ReaderAt, size int64, to io.Writer) (err error) {
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

// pour copies at most maxProgram bytes.
func pour(to io.Writer, from io.Reader) error {
	n, err := io.Copy(to, io.LimitReader(from, maxProgram+1))
	if err == nil && n > maxProgram {
		err = fmt.Errorf("its program is longer than %d bytes", int64(maxProgram))
	}
	return err
}

package update

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
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
	return program(f, size, to)
}

// pour copies at most maxProgram bytes.
func pour(to io.Writer, from io.Reader) error {
	n, err := io.Copy(to, io.LimitReader(from, maxProgram+1))
	if err == nil && n > maxProgram {
		err = fmt.Errorf("its program is longer than %d bytes", int64(maxProgram))
	}
	return err
}

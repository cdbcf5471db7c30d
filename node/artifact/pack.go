package artifact

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// entryBytes is the most that a packed file or directory takes besides its bytes: two
// headers, two paths of maxDirDepth names, and what fills the last blocks.
const entryBytes = 16 << 10

// packedBytes is the most that files of so many bytes in all are packed to.
func packedBytes(bytes uint64, files int) uint64 {
	return bytes + uint64(files+1)*entryBytes
}

// pack writes the directory as a POSIX tar archive in the order of its names, without
// times, owners or modes: what survey has allowed.
func pack(w io.Writer, top *os.Root) error {
	out := tar.NewWriter(w)
	err := fs.WalkDir(top.FS(), ".", func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == "." {
			return err
		}
		if d.IsDir() {
			return out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: at + "/", Mode: 0o755, Format: tar.FormatPAX})
		}
		return packFile(out, top, at)
	})
	if err != nil {
		return err
	}
	return out.Close()
}

func packFile(out *tar.Writer, top *os.Root, at string) error {
	f, err := top.Open(at)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return errors.New("changed while it was added")
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: at, Mode: 0o644, Size: st.Size(), Format: tar.FormatPAX}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	if _, err := io.CopyN(out, f, st.Size()); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

// unpack writes plain files and directories under top and syncs them, and refuses all
// else. Every write goes through top, which no name leads out of.
func unpack(r io.Reader, top *os.Root, limitBytes uint64, limitFiles int) error {
	in := tar.NewReader(r)
	dirs := map[string]bool{".": true}
	var bytes uint64
	for count := 1; ; count++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return notPacked(err)
		}
		if count > limitFiles {
			return &LimitError{Field: "files and directories", Limit: uint64(limitFiles), Got: uint64(count)}
		}
		at, err := checkPacked(h)
		if err != nil {
			return err
		}
		if !dirs[path.Dir(at)] {
			return malformed("packed %q lies in no packed directory", at)
		}
		if h.Typeflag == tar.TypeDir {
			dirs[at] = true
			err = top.Mkdir(at, 0o755)
		} else if size := uint64(h.Size); size > limitBytes-bytes {
			return &LimitError{Field: "bytes of all files", Limit: limitBytes, Got: bytes + size}
		} else {
			bytes += size
			err = unpackFile(in, top, at, h.Size)
		}
		if err != nil {
			return notPacked(err)
		}
	}
	for dir := range dirs {
		if err := syncDir(filepath.Join(top.Name(), dir)); err != nil {
			return err
		}
	}
	return nil
}

// notPacked tells an archive that is not ours from a disk that is not well.
func notPacked(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, fs.ErrExist) {
		return malformed("packed directory: %v", err)
	}
	return err
}

// checkPacked returns the path that an entry stands for.
func checkPacked(h *tar.Header) (string, error) {
	if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir {
		return "", malformed("packed %q is neither a plain file nor a directory", h.Name)
	}
	at := strings.TrimSuffix(h.Name, "/")
	parts := strings.Split(at, "/")
	if len(parts) > maxDirDepth+1 {
		return "", fmt.Errorf("%w: %w", ErrMalformed, &LimitError{Field: "directory levels", Limit: maxDirDepth, Got: uint64(len(parts) - 1)})
	}
	for _, name := range parts {
		if err := checkName(at, name); err != nil {
			return "", malformed("%v", err)
		}
	}
	return path.Join(parts...), nil
}

func unpackFile(in io.Reader, top *os.Root, at string, size int64) error {
	f, err := top.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(f, in, size); err != nil {
		return err
	}
	return f.Sync()
}

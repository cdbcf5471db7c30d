package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// maxMembers is how many files an image archive may have.
const maxMembers = 100_000

// tarFS is a tar on disk as a file system: where each file's bytes lie in it.
type tarFS struct {
	f       *os.File
	scratch string // of an archive that was packed: its tar, to be removed
	members map[string]member
}

type member struct {
	off, size int64
	link      string // another member that has the bytes
}

// openTar finds the files of an archive.
func openTar(ctx context.Context, from string) (*tarFS, error) {
	f, err := os.Open(from)
	if err != nil {
		return nil, err
	}
	t := &tarFS{f: f, members: map[string]member{}}
	if err = t.plain(ctx); err == nil {
		err = t.scan()
	}
	if err != nil {
		t.close()
		return nil, bad("not a tar of an image: %w", err)
	}
	return t, nil
}

// plain makes sure that the tar is not packed: offsets in it are needed.
func (t *tarFS) plain(ctx context.Context) error {
	start := make([]byte, 4)
	if _, err := t.f.ReadAt(start, 0); err != nil {
		return err
	}
	if !bytes.HasPrefix(start, []byte{0x1f, 0x8b}) && !bytes.Equal(start, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return nil
	}
	packed := t.f
	defer packed.Close()
	out, err := os.CreateTemp(filepath.Dir(packed.Name()), ".rerig-unpacked-*")
	if err != nil {
		return err
	}
	t.f, t.scratch = out, out.Name()
	r, err := unpacked(packed)
	if err != nil {
		return bad("%w", err)
	}
	defer r.Close()
	limit := DefaultLimits().Bytes
	n, err := io.Copy(out, io.LimitReader(readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}), limit+1))
	if err == nil && n > limit {
		err = over("bytes unpacked", limit, n)
	}
	return err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func (t *tarFS) scan() error {
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := tar.NewReader(t.f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(t.members) >= maxMembers {
			return over("files of the archive", maxMembers, maxMembers+1)
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
			off, err := t.f.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			t.members[name] = member{off: off, size: h.Size}
		case tar.TypeSymlink: // old archives have a layer once and links to it
			t.members[name] = member{link: path.Join(path.Dir(name), h.Linkname)}
		case tar.TypeLink:
			t.members[name] = member{link: path.Clean(h.Linkname)}
		}
	}
}

func (t *tarFS) close() {
	_ = t.f.Close()
	if t.scratch != "" {
		_ = os.Remove(t.scratch)
	}
}

// Open opens a file of the archive.
func (t *tarFS) Open(name string) (fs.File, error) {
	m, ok := t.members[name]
	for hops := 0; ok && m.link != "" && hops < maxHops; hops++ {
		m, ok = t.members[m.link]
	}
	if !ok || m.link != "" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &tarFile{io.NewSectionReader(t.f, m.off, m.size), t}, nil
}

// tarFile is one file of an archive, which stays open.
type tarFile struct {
	*io.SectionReader
	t *tarFS
}

// Stat tells of the archive as a whole: nobody asks for more.
func (f *tarFile) Stat() (fs.FileInfo, error) { return f.t.f.Stat() }

// Close does nothing.
func (f *tarFile) Close() error { return nil }

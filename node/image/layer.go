package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
)

// Names that a layer uses for what it takes away (OCI image spec, layer.md).
const (
	whiteoutPrefix = ".wh."
	whiteoutMeta   = ".wh..wh."
	opaqueMarker   = ".wh..wh..opq"
)

// What a layer takes on disk beside its files' bytes, generously.
const (
	layerBytes = 16 << 10
	entryBytes = 256
	fileBytes  = 4096 // its last block
)

// budget is what the layers of an image took so far, all that are unpacked at once.
type budget struct {
	limits  Limits
	entries atomic.Int64
	names   atomic.Int64
	bytes   atomic.Int64 // of tar, so that what holds nothing counts too
	content atomic.Int64 // bytes of files, which a sparse one has more of than its tar
}

// layerWriter unpacks one tar to a directory of its own.
type layerWriter struct {
	dir     string
	list    *entryWriter
	budget  *budget
	room    func(bytes int64) error // asks for disk
	next    uint32
	buf     []byte
	own     bool // files are given to the owners that the layer names
	dropped int  // devices, pipes and sockets
}

// unpackLayer reads a layer's blob and leaves it in dir, which is there and empty. The
// tar is believed only when it returns nil: then blob, size and diff ID were right.
func unpackLayer(ctx context.Context, s *source, i int, dir string, b *budget, room func(bytes int64) error) (dropped int, err error) {
	d, diffID := s.manifest.Layers[i], s.config.RootFS.DiffIDs[i]
	blob, err := openBlob(s.layout, d)
	if err != nil {
		return 0, err
	}
	defer blob.f.Close()
	plain, err := decompress(d, blob)
	if err != nil {
		return 0, err
	}
	defer plain.Close()
	if err := room(layerBytes); err != nil {
		return 0, err
	}
	in := &tarStream{ctx: ctx, r: plain, sum: sha256.New(), budget: b}
	w := &layerWriter{dir: dir, budget: b, room: room, buf: make([]byte, 256<<10), own: os.Geteuid() == 0}
	if err := os.Mkdir(filepath.Join(dir, "f"), 0o700); err != nil {
		return 0, err
	}
	if w.list, err = newEntryWriter(filepath.Join(dir, "entries")); err != nil {
		return 0, err
	}
	err = w.unpack(in)
	err = errors.Join(err, w.list.close())
	if err == nil {
		err = in.finish(diffID)
	}
	if err == nil {
		err = blob.finish()
	}
	if err != nil {
		return 0, fmt.Errorf("layer %s: %w", d.Digest, err)
	}
	return w.dropped, nil
}

func (w *layerWriter) unpack(in *tarStream) error {
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if !isOurs(err) {
				err = bad("tar: %w", err)
			}
			return err
		}
		if err := w.entry(h, t); err != nil {
			return err
		}
	}
}

// entry takes one entry of the tar.
func (w *layerWriter) entry(h *tar.Header, content io.Reader) error {
	b := w.budget
	if n := b.entries.Add(1); n > int64(b.limits.Entries) {
		return over("files and directories", int64(b.limits.Entries), n)
	}
	if err := w.room(entryBytes); err != nil {
		return err
	}
	if n := b.names.Add(int64(len(h.Name) + len(h.Linkname))); n > b.limits.Names {
		return over("bytes of all names", b.limits.Names, n)
	}
	name, err := cleanPath(h.Name)
	if err != nil {
		return err
	}
	if h.Uid < 0 || h.Gid < 0 || int64(h.Uid) >= 1<<31 || int64(h.Gid) >= 1<<31 {
		return bad("%q belongs to %d:%d", name, h.Uid, h.Gid)
	}
	e := &entry{Path: []byte(name), Mode: uint32(h.Mode) & 0o777, UID: uint32(h.Uid), GID: uint32(h.Gid), Time: clampTime(h.ModTime)}
	if dir, base := path.Split(name); strings.HasPrefix(base, whiteoutPrefix) {
		return w.whiteout(e, dir, base)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		e.Kind = kindDir
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont, '\x00':
		if name == "." {
			return bad("the root is a file")
		}
		e.Kind = kindFile
		if e.File, err = w.file(e, content); err != nil {
			return err
		}
	case tar.TypeSymlink:
		if h.Linkname == "" || len(h.Linkname) > maxPath || strings.ContainsRune(h.Linkname, 0) {
			return bad("symlink %q to %.80q", name, h.Linkname)
		}
		e.Kind, e.Target = kindSymlink, []byte(h.Linkname)
	case tar.TypeLink:
		to, err := cleanPath(h.Linkname)
		if err != nil {
			return err
		}
		e.Kind, e.Target = kindHardlink, []byte(to)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		w.dropped++
		return nil
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return bad("%q is of the unknown type %q", name, h.Typeflag)
	}
	return w.list.write(e)
}

// whiteout notes what a layer hides.
func (w *layerWriter) whiteout(e *entry, dir, base string) error {
	hidden := strings.TrimPrefix(base, whiteoutPrefix)
	switch {
	case base == opaqueMarker:
		e.Kind, e.Path = kindOpaque, []byte(path.Clean(dir))
		if dir == "" {
			e.Path = []byte(".")
		}
	case strings.HasPrefix(base, whiteoutMeta):
		return nil // of aufs itself
	case hidden == "" || hidden == "." || hidden == "..":
		return bad("whiteout %q hides nothing", e.Path)
	default:
		e.Kind, e.Path = kindWhiteout, []byte(dir+hidden)
	}
	return w.list.write(e)
}

// file writes the next numbered file. It gets no write bit, for jobs share it, and none
// that changes who runs it.
func (w *layerWriter) file(e *entry, content io.Reader) (uint32, error) {
	n := w.next
	w.next++
	name := filepath.Join(w.dir, "f", strconv.FormatUint(uint64(n), 10))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := w.room(fileBytes); err != nil {
		return 0, err
	}
	if err := w.copy(f, content); err != nil {
		return 0, err
	}
	if w.own {
		if err := give(f, e.UID, e.GID); err != nil {
			return 0, err
		}
	}
	if err := f.Chmod(os.FileMode(e.Mode)&^0o222 | 0o400); err != nil {
		return 0, err
	}
	return n, setTime(f, e.Time)
}

// copy writes a file's bytes as far as there is room.
func (w *layerWriter) copy(f *os.File, content io.Reader) error {
	for {
		n, err := content.Read(w.buf)
		if n > 0 {
			if all := w.budget.content.Add(int64(n)); all > w.budget.limits.Bytes {
				return over("bytes of all files", w.budget.limits.Bytes, all)
			}
			if err := w.room(int64(n)); err != nil {
				return err
			}
			if _, err := f.Write(w.buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if !isOurs(err) {
				err = bad("tar: %w", err)
			}
			return err
		}
	}
}

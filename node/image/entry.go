package image

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Kinds of entry. The numbers are on disk.
const (
	kindDir      = 1
	kindFile     = 2
	kindSymlink  = 3
	kindHardlink = 4
	kindWhiteout = 5 // hides a name of the layers below
	kindOpaque   = 6 // hides what the layers below have in a directory
)

// entry is one line of a layer: what it says of one path.
type entry struct {
	_      struct{} `cbor:",toarray"`
	Kind   uint8
	Path   []byte // slash-separated and clean, "." for the root; bytes, for Linux asks no more
	Mode   uint32 // permission bits alone
	UID    uint32
	GID    uint32
	Time   int64  // modification, Unix seconds
	Target []byte // of a symlink as it is, of a hard link as Path
	File   uint32 // number in f/
}

// Times outside of this are of no use to anybody and are not kept.
const maxTime = 1 << 34 // the year 2514

func clampTime(t time.Time) int64 { return min(max(t.Unix(), 0), maxTime) }

var entryModes = func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxArrayElements: 16, MaxNestedLevels: 4}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// entryWriter writes a layer's list.
type entryWriter struct {
	f *os.File
	b *bufio.Writer
	e *cbor.Encoder
}

func newEntryWriter(path string) (*entryWriter, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	b := bufio.NewWriterSize(f, 64<<10)
	return &entryWriter{f: f, b: b, e: cbor.NewEncoder(b)}, nil
}

func (w *entryWriter) write(e *entry) error { return w.e.Encode(e) }

func (w *entryWriter) close() error {
	return errors.Join(w.b.Flush(), w.f.Sync(), w.f.Close())
}

// readEntries calls f with every line of a layer's list.
func readEntries(path string, f func(*entry) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	d := entryModes.NewDecoder(bufio.NewReaderSize(file, 64<<10))
	for {
		var e entry
		err := d.Decode(&e)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(&e)
		}
		if err != nil {
			return err
		}
	}
}

// cleanPath makes a path of a tar relative to the root, without a way out of it.
func cleanPath(name string) (string, error) {
	if len(name) > maxPath {
		return "", over("bytes of a path", maxPath, int64(len(name)))
	}
	var elements []string
	for e := range strings.SplitSeq(name, "/") {
		switch {
		case e == "" || e == ".":
			continue
		case e == "..":
			return "", bad("path %q leaves the image", name)
		case len(e) > maxName:
			return "", over(fmt.Sprintf("bytes of %.40q…", e), maxName, int64(len(e)))
		case strings.ContainsRune(e, 0):
			return "", bad("path %q has a NUL", name)
		}
		if elements = append(elements, e); len(elements) > maxDepth {
			return "", over(fmt.Sprintf("elements of %.40q…", name), maxDepth, int64(len(elements)))
		}
	}
	if len(elements) == 0 {
		return ".", nil
	}
	return strings.Join(elements, "/"), nil
}

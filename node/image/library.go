package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Directories and files of a library.
const (
	lockFile    = "lock"
	layoutsDir  = "layouts"
	partialDir  = "partial"
	shortDigest = 12 // hexadecimal digits that name an image, at least
	lockRetry   = 50 * time.Millisecond
)

// Library keeps a developer's images as OCI layouts, by name and tag:
//
//	names.json               the digest of each name
//	layouts/<digest>/        the layout; blobs that layouts share are hard links
//	packed/<set>             the layers that a set of Debian packages became
//	partial/                 blobs of the last image that failed, for when it is tried again
//	tmp/                     what is being written
//	lock                     held by the process that changes something
//
// Its methods may be called from any goroutine and from many processes.
type Library struct {
	dir    string
	limits Limits
	// Progress is told in a line what takes long; nil: nobody is.
	Progress func(line string)
}

// OpenLibrary opens a directory of images, which need not be there yet.
func OpenLibrary(dir string) *Library {
	return &Library{dir: dir, limits: DefaultLimits()}
}

// Image is one image of a library.
type Image struct {
	Name     string    `json:"name"`     // with its tag
	Digest   string    `json:"digest"`   // of the manifest, as registries have it
	ID       string    `json:"id"`       // of the config
	Platform string    `json:"platform"` // such as linux/amd64
	Bytes    int64     `json:"bytes"`    // of the whole layout, packed
	Dir      string    `json:"dir"`      // the OCI layout
	Layers   []Layer   `json:"layers"`
	Config   v1.Config `json:"config"`
}

// Layer is one layer of an image, the lowest first.
type Layer struct {
	Digest    string `json:"digest"`
	DiffID    string `json:"diff_id"`
	MediaType string `json:"media_type"`
	Bytes     int64  `json:"bytes"` // packed
}

// List is all images, by name.
func (l *Library) List() ([]*Image, error) {
	names, err := l.names()
	if err != nil {
		return nil, err
	}
	images := make([]*Image, 0, len(names))
	for name, hex := range names {
		img, err := l.describe(name, hex)
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	slices.SortFunc(images, func(a, b *Image) int { return cmp.Compare(a.Name, b.Name) })
	return images, nil
}

// Find is the image with a name or digest, or one whose digest begins so. It fails with
// ErrNoImage for none.
func (l *Library) Find(name string) (*Image, error) {
	names, err := l.names()
	if err != nil {
		return nil, err
	}
	if full, err := fullName(name); err == nil && names[full] != "" {
		return l.describe(full, names[full])
	}
	if start := strings.TrimPrefix(name, "sha256:"); len(start) >= shortDigest {
		for _, full := range slices.Sorted(maps.Keys(names)) {
			if strings.HasPrefix(names[full], start) {
				return l.describe(full, names[full])
			}
		}
	}
	return nil, fmt.Errorf("%w as %s; `rerig image ls` lists those that are here", ErrNoImage, name)
}

// describe reads an image's layout.
func (l *Library) describe(name, hex string) (*Image, error) {
	dir := l.layout(hex)
	s, err := readSource(os.DirFS(dir), l.limits)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove it and load it again", name, err)
	}
	img := &Image{Name: name, Digest: "sha256:" + hex, ID: s.manifest.Config.Digest.String(), Dir: dir,
		Platform: s.config.OS + "/" + s.config.Architecture, Config: s.config.Config}
	for i, d := range s.manifest.Layers {
		img.Layers = append(img.Layers, Layer{Digest: d.Digest.String(), DiffID: s.config.RootFS.DiffIDs[i].String(), MediaType: string(d.MediaType), Bytes: d.Size})
	}
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			img.Bytes += info.Size()
		}
		return err
	})
	return img, err
}

func (l *Library) layout(hex string) string { return filepath.Join(l.dir, layoutsDir, hex) }

// Remove takes a name away, and the layout when no other name has it.
func (l *Library) Remove(ctx context.Context, name string) error {
	img, err := l.Find(name)
	if err != nil {
		return err
	}
	return l.locked(ctx, func() error {
		names, err := l.names()
		if err != nil {
			return err
		}
		hex := names[img.Name]
		delete(names, img.Name)
		if err := l.saveNames(names); err != nil {
			return err
		}
		return l.sweep(hex, names)
	})
}

// locked holds the library's lock, sweeps what an earlier process left, and calls f.
func (l *Library) locked(ctx context.Context, f func() error) error {
	if err := os.MkdirAll(filepath.Join(l.dir, layoutsDir), 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(l.dir, lockFile))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return fmt.Errorf("images in %s are being changed by another process: %w", l.dir, err)
	}
	err := os.RemoveAll(filepath.Join(l.dir, tmpDir))
	if err == nil {
		err = f()
	}
	return errors.Join(err, lock.Unlock())
}

// add makes an image under a name: write fills the layout and returns its digest.
func (l *Library) add(ctx context.Context, name string, write func(*layoutWriter) (v1.Hash, error)) (*Image, error) {
	full, err := fullName(name)
	if err != nil {
		return nil, err
	}
	err = l.locked(ctx, func() error { return l.addLocked(ctx, full, write) })
	if err != nil {
		return nil, err
	}
	return l.Find(full)
}

func (l *Library) addLocked(ctx context.Context, full string, write func(*layoutWriter) (v1.Hash, error)) error {
	tmp := filepath.Join(l.dir, tmpDir)
	defer os.RemoveAll(tmp)
	w, err := newLayoutWriter(ctx, tmp)
	if err != nil {
		return err
	}
	w.known, w.say = l.knownBlobs(), l.say
	partial := filepath.Join(l.dir, partialDir)
	digest, err := write(w)
	if err != nil {
		return errors.Join(err, w.keep(partial))
	}
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	if _, err := os.Stat(l.layout(digest.Hex)); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(tmp, l.layout(digest.Hex)); err != nil {
			return err
		}
		if err := syncDir(filepath.Join(l.dir, layoutsDir)); err != nil {
			return err
		}
	}
	names, err := l.names()
	if err != nil {
		return err
	}
	before := names[full]
	names[full] = digest.Hex
	if err := l.saveNames(names); err != nil {
		return err
	}
	return l.sweep(before, names)
}

// sweep deletes a layout that has lost its last name.
func (l *Library) sweep(hex string, names map[string]string) error {
	if hex == "" {
		return nil
	}
	for _, used := range names {
		if used == hex {
			return nil
		}
	}
	trash := filepath.Join(l.dir, tmpDir, "trash") // so that no half of it is ever found
	if err := os.MkdirAll(filepath.Dir(trash), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(trash); err != nil {
		return err
	}
	if err := os.Rename(l.layout(hex), trash); err != nil {
		return err
	}
	return os.RemoveAll(trash)
}

// knownBlobs finds the blobs that the library has.
func (l *Library) knownBlobs() func(string) (string, bool) {
	at := map[string]string{}
	paths, _ := filepath.Glob(filepath.Join(l.dir, layoutsDir, "*", "blobs", "sha256", "*")) // without them everything is written
	left, _ := filepath.Glob(filepath.Join(l.dir, partialDir, "*"))
	for _, p := range append(paths, left...) {
		at[filepath.Base(p)] = p
	}
	return func(hex string) (string, bool) {
		p, ok := at[hex]
		return p, ok
	}
}

func (l *Library) say(format string, args ...any) {
	if l.Progress != nil {
		l.Progress(fmt.Sprintf(format, args...))
	}
}

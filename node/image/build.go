package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// madeAt is the time of every file that comes from a directory: the clock of the wasm
// sandbox starts there too. Real times would give the same files another digest.
var madeAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Recipe says what an image is made of: the layers of Base, Debian packages, and a
// directory, each over what comes before it.
type Recipe struct {
	Base     string   // an image of the library; "" for none
	Packages []string // Debian packages, which bring what they depend on
	Suite    string   // of Debian's that they come from, such as sid; "" for those of the machine's sources
	Dir      string   // a directory of this machine; "" for none

	// What the image runs; where these are empty, it is what Base runs.
	Entrypoint []string
	Cmd        []string
	Env        []string // KEY=value, beside those of Base
	WorkDir    string
	User       string
}

func (r *Recipe) check() error {
	if r.Base == "" && len(r.Packages) == 0 && r.Dir == "" {
		return errors.New("an image of nothing; give a directory, Debian packages or a base")
	}
	for _, e := range r.Env {
		if key, _, ok := strings.Cut(e, "="); !ok || key == "" || strings.ContainsRune(e, 0) {
			return fmt.Errorf("environment entry %q: want KEY=value", e)
		}
	}
	if r.Suite != "" && len(r.Packages) == 0 {
		return errors.New("a suite without packages of it; give some, or no suite")
	}
	if r.WorkDir != "" && !strings.HasPrefix(r.WorkDir, "/") {
		return fmt.Errorf("working directory %q: want an absolute path in the image", r.WorkDir)
	}
	return nil
}

// Build makes an image. The same recipe of the same files and packages gives the same
// bytes on every machine that has the same version of this program.
func (l *Library) Build(ctx context.Context, name string, r Recipe) (*Image, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	var base *source
	if r.Base != "" {
		img, err := l.Find(r.Base)
		if err == nil {
			base, err = readSource(os.DirFS(img.Dir), l.limits)
		}
		if err != nil {
			return nil, fmt.Errorf("build image: base: %w", err)
		}
	}
	pk, remove, err := l.packages(ctx, &r)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	defer remove()
	img, err := l.add(ctx, name, func(w *layoutWriter) (v1.Hash, error) { return w.build(base, pk, &r) })
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	return img, nil
}

// packageSet is a recipe's packages: as layers where the library has them, else as fetched.
type packageSet struct {
	packed *packed
	debs   []deb
	record string // file for their layers; "" to keep none
}

// packages finds or fetches what a recipe's packages are. remove deletes what was fetched.
func (l *Library) packages(ctx context.Context, r *Recipe) (s packageSet, remove func(), err error) {
	remove = func() {}
	if len(r.Packages) == 0 {
		return s, remove, nil
	}
	dir, err := os.MkdirTemp("", "rerig-deb-")
	if err != nil {
		return s, remove, err
	}
	remove = func() { os.RemoveAll(dir) }
	l.say("resolving %s", strings.Join(r.Packages, ", "))
	a, err := newApt(ctx, dir, r.Suite, r.Packages)
	if err == nil && r.Base == "" { // over another image their layers would be others
		s.record, err = a.set(ctx)
		s.record = filepath.Join(l.dir, packedDir, s.record)
	}
	if err == nil && s.record != "" {
		if s.packed = readPacked(s.record, l.knownBlobs()); s.packed != nil {
			l.say("their layers are here")
			return s, remove, nil
		}
	}
	if err == nil {
		l.say("fetching them and what they need")
		s.debs, err = a.fetch(ctx)
	}
	if err != nil {
		remove()
		return s, func() {}, err
	}
	l.say("unpacking %d packages", len(s.debs))
	return s, remove, nil
}

// building is an image as far as it is made.
type building struct {
	w      *layoutWriter
	cfg    *v1.ConfigFile
	layers []v1.Descriptor
}

func (w *layoutWriter) build(base *source, pk packageSet, r *Recipe) (v1.Hash, error) {
	system, arch := platform()
	b := &building{w: w, cfg: &v1.ConfigFile{OS: system, Architecture: arch, RootFS: v1.RootFS{Type: "layers"}}}
	if base != nil {
		b.cfg.Config, b.cfg.RootFS.DiffIDs, b.layers = base.config.Config, base.config.RootFS.DiffIDs, base.manifest.Layers
		if err := w.layers(b.layers, base.open); err != nil {
			return v1.Hash{}, err
		}
	}
	if err := b.addPackages(pk, base == nil); err != nil {
		return v1.Hash{}, err
	}
	if r.Dir != "" {
		if err := b.layer(func(t *tar.Writer) error { return tarDirectory(w.ctx, t, r.Dir) }); err != nil {
			return v1.Hash{}, fmt.Errorf("directory %s: %w", r.Dir, err)
		}
	}
	b.configure(r)
	return w.config(b.cfg, b.layers)
}

// layer adds a layer of what fill writes.
func (b *building) layer(fill func(*tar.Writer) error) error {
	d, diffID, err := b.w.layer(func(to io.Writer) error {
		t := tar.NewWriter(to)
		if err := fill(t); err != nil {
			return err
		}
		return t.Close()
	})
	if err != nil {
		return err
	}
	b.layers = append(slices.Clip(b.layers), d)
	b.cfg.RootFS.DiffIDs = append(slices.Clip(b.cfg.RootFS.DiffIDs), diffID)
	return nil
}

// configure writes what the image runs. A new entrypoint is not called with the base's
// arguments.
func (b *building) configure(r *Recipe) {
	c := &b.cfg.Config
	if len(r.Entrypoint) > 0 {
		c.Entrypoint, c.Cmd = r.Entrypoint, nil
	}
	if len(r.Cmd) > 0 {
		c.Cmd = r.Cmd
	}
	c.Env = overlayEnv(c.Env, r.Env)
	if r.WorkDir != "" {
		c.WorkingDir = r.WorkDir
	}
	if r.User != "" {
		c.User = r.User
	}
}

// tarDirectory writes a directory in the order of its names, owned by root, with one
// time, and with modes that say only what can be run. Directories are implied by what is
// in them, so that a link of the base (such as /lib) stays one.
func tarDirectory(ctx context.Context, t *tar.Writer, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if strings.HasPrefix(d.Name(), whiteoutPrefix) {
			return fmt.Errorf("%s: a layer cannot have a file called %s…; rename it", name, whiteoutPrefix)
		}
		h := &tar.Header{Name: name, ModTime: madeAt, Mode: 0o755}
		switch {
		case d.IsDir():
			entries, err := os.ReadDir(path)
			if err != nil || len(entries) > 0 {
				return err
			}
			h.Typeflag, h.Name = tar.TypeDir, name+"/"
			return t.WriteHeader(h)
		case d.Type()&fs.ModeSymlink != 0:
			h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
			if h.Linkname, err = os.Readlink(path); err != nil {
				return err
			}
			return t.WriteHeader(h)
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is a %v; an image has files, directories and symlinks", name, d.Type())
		}
		return tarFileAt(t, h, path)
	})
}

func tarFileAt(t *tar.Writer, h *tar.Header, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, st.Size()
	if st.Mode()&0o111 == 0 && runtime.GOOS != "windows" { // which does not know what can be run
		h.Mode = 0o644
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}

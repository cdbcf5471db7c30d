package image

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(unpackEnv); spec != "" {
		fmt.Fprintln(os.Stderr, unpackForever(spec))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// unpackEnv names the store and the layout of a process that only unpacks, until killed.
const unpackEnv = "IMAGE_TEST_UNPACK"

// unpackForever is that process.
func unpackForever(spec string) error {
	dir, layout, _ := strings.Cut(spec, "\n")
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 30})
	if err != nil {
		return err
	}
	fmt.Println("unpacking")
	for {
		r, err := s.Unpack(context.Background(), os.DirFS(layout))
		if err != nil {
			return err
		}
		id := strings.TrimPrefix(r.Digest, "sha256:")
		r.Release()
		s.index.mu.Lock()
		if known := s.index.roots[id]; known != nil {
			s.index.forget(known)
			s.index.dropLayer()
		}
		s.index.unlock()
	}
}

// file is one entry of a layer under test; a plain file unless it says otherwise.
type file struct {
	tar.Header
	text string
}

func plain(name, text string) file {
	return file{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, text}
}

func dir(name string) file {
	return file{tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}, ""}
}

func symlink(name, target string) file {
	return file{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, ""}
}

func hardlink(name, target string) file {
	return file{tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target, Mode: 0o644}, ""}
}

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := f.Header
		h.Size = int64(len(f.text))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// packedLayer is a layer of exactly these bytes.
type packedLayer struct {
	blob, plain []byte
	mediaType   types.MediaType
}

func (l *packedLayer) Digest() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(l.blob))
	return h, err
}
func (l *packedLayer) DiffID() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(l.plain))
	return h, err
}
func (l *packedLayer) Size() (int64, error) { return int64(len(l.blob)), nil }
func (l *packedLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.blob)), nil
}
func (l *packedLayer) Uncompressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.plain)), nil
}
func (l *packedLayer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

// pack makes a layer of a tar, compressed as the media type says.
func pack(t testing.TB, mediaType types.MediaType, plain []byte) v1.Layer {
	t.Helper()
	how, err := compressionOf(mediaType)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	var w io.WriteCloser
	switch how {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zstd":
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	default:
		return &packedLayer{plain, plain, mediaType}
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &packedLayer{b.Bytes(), plain, mediaType}
}

// layerOf is a gzipped layer with these files.
func layerOf(t testing.TB, files ...file) v1.Layer {
	t.Helper()
	return pack(t, types.OCILayer, tarOf(t, files...))
}

// imageOf makes an image for this machine.
func imageOf(t testing.TB, cfg v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, Config: cfg, RootFS: v1.RootFS{Type: "layers"}})
	if err == nil {
		img, err = mutate.AppendLayers(img, layers...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// layoutOf writes images to an OCI layout.
func layoutOf(t testing.TB, images ...v1.Image) string {
	t.Helper()
	p, err := layout.Write(filepath.Join(t.TempDir(), "layout"), empty.Index)
	for _, img := range images {
		if err == nil {
			err = p.AppendImage(img)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// simple is a layout of one image with these files in one layer.
func simple(t testing.TB, files ...file) fs.FS {
	t.Helper()
	return os.DirFS(layoutOf(t, imageOf(t, v1.Config{}, layerOf(t, files...))))
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a system with symlinks and file modes: images are not unpacked on Windows")
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 1 << 30
	}
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unpack(t testing.TB, s *Store, layout fs.FS) *Root {
	t.Helper()
	r, err := s.Unpack(t.Context(), layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Release)
	return r
}

// listing is every file of a root with its text or target, directories with a slash;
// the mount points that each root has are left out.
func listing(t testing.TB, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch {
		case name == ".":
		case d.IsDir():
			all[name+"/"] = ""
		case d.Type()&fs.ModeSymlink != 0:
			all[name], err = os.Readlink(path)
		default:
			var b []byte
			b, err = os.ReadFile(path)
			all[name] = string(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range MountPoints() {
		delete(all, p+"/")
	}
	return all
}

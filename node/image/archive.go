package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Load takes an image from this machine: an OCI layout, as a directory or a tar, or what
// `docker save` wrote, packed or not. name is what it will be called; "" for what the
// archive calls it.
func (l *Library) Load(ctx context.Context, from, name string) (*Image, error) {
	st, err := os.Stat(from)
	if err != nil {
		return nil, fmt.Errorf("load image: %w", err)
	}
	files := os.DirFS(from)
	if !st.IsDir() {
		archive, err := openTar(ctx, from)
		if err != nil {
			return nil, fmt.Errorf("load image %s: %w", from, err)
		}
		defer archive.close()
		files = archive
	}
	saved, err := readSaved(files)
	if err != nil {
		return nil, fmt.Errorf("load image %s: %w", from, err)
	}
	if name == "" {
		if name = saved.name(); name == "" {
			return nil, fmt.Errorf("load image %s: it has no name of its own; give it one with --tag", from)
		}
	}
	img, err := l.add(ctx, name, func(w *layoutWriter) (v1.Hash, error) {
		if _, err := fs.Stat(files, "oci-layout"); err == nil {
			return w.fromLayout(files, l.limits)
		}
		if saved == nil {
			return v1.Hash{}, bad("neither an OCI layout (oci-layout) nor a saved image (manifest.json)")
		}
		return w.fromSaved(files, saved, l.limits)
	})
	if err != nil {
		return nil, fmt.Errorf("load image %s: %w", from, err)
	}
	return img, nil
}

// fromLayout writes the image that a layout has for this machine.
func (w *layoutWriter) fromLayout(files fs.FS, limits Limits) (v1.Hash, error) {
	s, err := readSource(files, limits)
	if err != nil {
		return v1.Hash{}, err
	}
	return w.source(s)
}

// savedImage is the only item of a `docker save` archive's manifest.json.
type savedImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (s *savedImage) name() string {
	if s == nil || len(s.RepoTags) == 0 {
		return ""
	}
	return strings.TrimPrefix(s.RepoTags[0], "docker.io/")
}

// readSaved reads manifest.json; nil when there is none.
func readSaved(files fs.FS) (*savedImage, error) {
	b, err := readSmall(files, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []*savedImage
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, bad("manifest.json: %w", err)
	}
	if len(all) != 1 || all[0] == nil {
		return nil, bad("manifest.json has %d images; save one image at a time", len(all))
	}
	return all[0], nil
}

// fromSaved writes an image whose archive has no OCI layout: its layers are tars, which
// are packed here.
func (w *layoutWriter) fromSaved(files fs.FS, saved *savedImage, limits Limits) (v1.Hash, error) {
	raw, err := readSmall(files, path.Clean(saved.Config))
	if err != nil {
		return v1.Hash{}, bad("config: %w", err)
	}
	cfg, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return v1.Hash{}, bad("config: %w", err)
	}
	if err := runsHere(cfg); err != nil {
		return v1.Hash{}, err
	}
	if n := len(saved.Layers); n != len(cfg.RootFS.DiffIDs) || n > limits.Layers {
		return v1.Hash{}, bad("it has %d layers and %d diff IDs; at most %d layers are taken", n, len(cfg.RootFS.DiffIDs), limits.Layers)
	}
	layers := make([]v1.Descriptor, len(saved.Layers))
	for i, name := range saved.Layers {
		d, diffID, err := w.layer(func(to io.Writer) error { return copyPlain(to, files, path.Clean(name), limits) })
		if err != nil {
			return v1.Hash{}, fmt.Errorf("layer %s: %w", name, err)
		}
		if diffID != cfg.RootFS.DiffIDs[i] {
			return v1.Hash{}, bad("layer %s has the digest %s, and its config says %s", name, diffID, cfg.RootFS.DiffIDs[i])
		}
		layers[i] = d
	}
	return w.configRaw(raw, cfg, layers)
}

// copyPlain writes a layer's tar, unpacked if it is not.
func copyPlain(to io.Writer, files fs.FS, name string, limits Limits) error {
	f, err := files.Open(name)
	if err != nil {
		return bad("%w", err)
	}
	defer f.Close()
	r, err := unpacked(f)
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(to, io.LimitReader(r, limits.Bytes+1))
	if err == nil && n > limits.Bytes {
		err = over("bytes unpacked", limits.Bytes, n)
	}
	return err
}

// unpacked reads a stream that may be packed by gzip or zstd, as its first bytes tell.
func unpacked(r io.Reader) (io.ReadCloser, error) {
	start := make([]byte, 4)
	n, err := io.ReadFull(r, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	r = io.MultiReader(bytes.NewReader(start[:n]), r)
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.Equal(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

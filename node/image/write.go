package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layoutMark is the file that says what a layout is.
const layoutMark = `{"imageLayoutVersion":"1.0.0"}`

// layoutWriter writes an OCI layout of one image for one platform. The same image gives
// the same bytes, whatever it was called and whenever it was written: names are not
// kept, times are those of the image, and the index has one manifest.
type layoutWriter struct {
	ctx   context.Context
	dir   string
	known func(hex string) (path string, ok bool) // blobs that need not be written again
	say   func(format string, args ...any)        // told what takes long
}

func newLayoutWriter(ctx context.Context, dir string) (*layoutWriter, error) {
	w := &layoutWriter{ctx: ctx, dir: dir, known: func(string) (string, bool) { return "", false },
		say: func(string, ...any) {}}
	return w, os.MkdirAll(w.blob(""), 0o755)
}

func (w *layoutWriter) blob(hex string) string { return filepath.Join(w.dir, "blobs", "sha256", hex) }

// reuse takes a blob that is on this machine already.
func (w *layoutWriter) reuse(d v1.Descriptor) bool {
	from, ok := w.known(d.Digest.Hex)
	if !ok {
		return false
	}
	st, err := os.Stat(from)
	if err != nil || st.Size() != d.Size {
		return false
	}
	err = os.Link(from, w.blob(d.Digest.Hex))
	return err == nil || errors.Is(err, fs.ErrExist)
}

// copy writes a blob that open reads, and holds it to its descriptor.
func (w *layoutWriter) copy(d v1.Descriptor, open func() (io.ReadCloser, error)) error {
	if err := checkHash(d.Digest); err != nil {
		return err
	}
	if d.Size < 0 {
		return bad("blob %s of %d bytes", d.Digest, d.Size)
	}
	if w.reuse(d) {
		return nil
	}
	r, err := open()
	if err != nil {
		return fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	sum := sha256.New()
	err = w.write(func(f io.Writer) error {
		n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(r, d.Size+1))
		if err != nil {
			return fmt.Errorf("blob %s: %w", d.Digest, err)
		}
		if got := hex.EncodeToString(sum.Sum(nil)); n != d.Size || got != d.Digest.Hex {
			return bad("blob %s of %d bytes came as sha256:%s of %d bytes", d.Digest, d.Size, got, n)
		}
		return nil
	})
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	return os.Rename(w.blob(partName), w.blob(d.Digest.Hex))
}

// partName is a blob that is not whole, or whose digest is not known yet.
const partName = "part"

// write makes a blob's bytes durable as partName.
func (w *layoutWriter) write(fill func(io.Writer) error) error {
	f, err := os.OpenFile(w.blob(partName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	err = fill(writerFunc(func(p []byte) (int, error) {
		if err := w.ctx.Err(); err != nil {
			return 0, err
		}
		return f.Write(p)
	}))
	return errors.Join(err, f.Sync(), f.Close())
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// layer packs a tar, which fill writes, as a layer. The packed bytes depend on the tar
// and on the version of the compressor that this program was built with.
func (w *layoutWriter) layer(fill func(io.Writer) error) (d v1.Descriptor, diffID v1.Hash, err error) {
	packed, plain := sha256.New(), sha256.New()
	err = w.write(func(f io.Writer) error {
		z, err := zstd.NewWriter(io.MultiWriter(f, packed, &counter{&d.Size}), zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
		if err != nil {
			return err
		}
		err = fill(io.MultiWriter(z, plain))
		return errors.Join(err, z.Close())
	})
	if err != nil {
		return d, diffID, err
	}
	d.MediaType = types.OCILayerZStd
	d.Digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(packed.Sum(nil))}
	diffID = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(plain.Sum(nil))}
	return d, diffID, os.Rename(w.blob(partName), w.blob(d.Digest.Hex))
}

type counter struct{ n *int64 }

func (c *counter) Write(p []byte) (int, error) {
	*c.n += int64(len(p))
	return len(p), nil
}

// config writes a new image's config and manifest and ends the layout.
func (w *layoutWriter) config(cfg *v1.ConfigFile, layers []v1.Descriptor) (v1.Hash, error) {
	raw, err := json.Marshal(cfg)
	if err != nil {
		return v1.Hash{}, err
	}
	return w.configRaw(raw, cfg, layers)
}

// configRaw is config for one that is written already.
func (w *layoutWriter) configRaw(raw []byte, cfg *v1.ConfigFile, layers []v1.Descriptor) (v1.Hash, error) {
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: layers,
		Config: describe(types.OCIConfigJSON, raw)}
	manifest, err := json.Marshal(m)
	if err != nil {
		return v1.Hash{}, err
	}
	return w.finish(m.MediaType, manifest, raw, cfg)
}

// keep moves the whole blobs of a layout that failed to a directory.
func (w *layoutWriter) keep(dir string) error {
	if err := os.Remove(w.blob(partName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(w.blob(""), dir)
}

// finish writes manifest and config as they are, the index, and the mark.
func (w *layoutWriter) finish(mediaType types.MediaType, manifest, config []byte, cfg *v1.ConfigFile) (v1.Hash, error) {
	d := describe(mediaType, manifest)
	d.Platform = &v1.Platform{OS: cfg.OS, Architecture: cfg.Architecture}
	idx, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{d}})
	if err != nil {
		return d.Digest, err
	}
	for name, content := range map[string][]byte{
		w.blob(d.Digest.Hex): manifest, w.blob(describe("", config).Digest.Hex): config,
		filepath.Join(w.dir, "index.json"): idx, filepath.Join(w.dir, "oci-layout"): []byte(layoutMark),
	} {
		if err := writeSynced(name, content); err != nil {
			return d.Digest, err
		}
	}
	for _, dir := range []string{w.blob(""), filepath.Join(w.dir, "blobs"), w.dir} {
		if err := syncDir(dir); err != nil {
			return d.Digest, err
		}
	}
	return d.Digest, nil
}

// describe is the descriptor of a small blob.
func describe(mediaType types.MediaType, content []byte) v1.Descriptor {
	sum := sha256.Sum256(content)
	return v1.Descriptor{MediaType: mediaType, Size: int64(len(content)),
		Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}}
}

// source writes an image that readSource found.
func (w *layoutWriter) source(s *source) (v1.Hash, error) {
	err := w.layers(s.manifest.Layers, s.open)
	if err != nil {
		return v1.Hash{}, err
	}
	return w.finish(s.kind, s.raw, s.rawCfg, s.config)
}

// layers writes the layers of an image as they are.
func (w *layoutWriter) layers(all []v1.Descriptor, open func(v1.Descriptor) (io.ReadCloser, error)) error {
	for i, d := range all {
		w.say("layer %d of %d, %.1f MiB", i+1, len(all), float64(d.Size)/(1<<20))
		if err := w.copy(d, func() (io.ReadCloser, error) { return open(d) }); err != nil {
			return err
		}
	}
	return nil
}

// image writes an image of the registry library, blobs as they are.
func (w *layoutWriter) image(img v1.Image, limits Limits) (v1.Hash, error) {
	s, err := remoteSource(img, limits)
	if err != nil {
		return v1.Hash{}, err
	}
	err = w.layers(s.manifest.Layers, func(d v1.Descriptor) (io.ReadCloser, error) {
		l, err := img.LayerByDigest(d.Digest)
		if err != nil {
			return nil, err
		}
		return l.Compressed()
	})
	if err != nil {
		return v1.Hash{}, err
	}
	return w.finish(s.kind, s.raw, s.rawCfg, s.config)
}

// remoteSource reads manifest and config of an image that has no layout.
func remoteSource(img v1.Image, limits Limits) (*source, error) {
	s := &source{}
	var err error
	if s.raw, err = img.RawManifest(); err != nil {
		return nil, err
	}
	if s.kind, err = img.MediaType(); err != nil {
		return nil, err
	}
	if s.rawCfg, err = img.RawConfigFile(); err != nil {
		return nil, err
	}
	if n := max(len(s.raw), len(s.rawCfg)); n > maxJSONBytes {
		return nil, over("bytes of a manifest or config", maxJSONBytes, int64(n))
	}
	if s.manifest, err = v1.ParseManifest(bytes.NewReader(s.raw)); err != nil {
		return nil, bad("manifest: %w", err)
	}
	if s.config, err = v1.ParseConfigFile(bytes.NewReader(s.rawCfg)); err != nil {
		return nil, bad("config: %w", err)
	}
	if err := runsHere(s.config); err != nil {
		return nil, err
	}
	return s, s.check(limits)
}

// runsHere refuses an image for another platform.
func runsHere(cfg *v1.ConfigFile) error {
	if system, arch := platform(); cfg.OS != system || cfg.Architecture != arch {
		return bad("it is for %s/%s; %s/%s runs here", cfg.OS, cfg.Architecture, system, arch)
	}
	return nil
}

// writeSynced writes a whole file, which is on the medium when it returns.
func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Files is an OCI layout whose files lie anywhere on this machine: the host's path of
// each, by its path in the layout. Blobs that were fetched one by one become a layout so.
type Files map[string]string

// Open opens a file of the layout.
func (f Files) Open(name string) (fs.File, error) {
	at, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return os.Open(at)
}

// source is one image in a layout, read and checked but for its layers.
type source struct {
	layout   fs.FS
	raw      []byte // the manifest
	digest   v1.Hash
	kind     types.MediaType
	manifest *v1.Manifest
	config   *v1.ConfigFile
	rawCfg   []byte
}

// readSource finds the image for this machine in a layout.
func readSource(layout fs.FS, limits Limits) (*source, error) {
	mark, err := readSmall(layout, "oci-layout")
	if err != nil {
		return nil, bad("no OCI layout: %w", err)
	}
	var version struct{ ImageLayoutVersion string }
	if err := json.Unmarshal(mark, &version); err != nil || version.ImageLayoutVersion != "1.0.0" {
		return nil, bad("oci-layout: version %q; only 1.0.0 is known", version.ImageLayoutVersion)
	}
	top, err := readSmall(layout, "index.json")
	if err != nil {
		return nil, bad("index.json: %w", err)
	}
	s := &source{layout: layout}
	p := picker{s: s, left: maxManifests}
	if err := p.index(top, 0); err != nil {
		return nil, err
	}
	if s.manifest == nil {
		system, arch := platform()
		return nil, bad("no manifest for %s/%s; it has %v", system, arch, p.seen)
	}
	return s, s.check(limits)
}

// picker looks for the manifest of this machine's platform.
type picker struct {
	s    *source
	left int      // manifests that may still be looked at
	seen []string // other platforms, for the error
}

func (p *picker) index(raw []byte, depth int) error {
	if depth > maxIndexDepth {
		return over("levels of indexes", maxIndexDepth, int64(depth))
	}
	idx, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return bad("index: %w", err)
	}
	if idx.SchemaVersion != 2 {
		return bad("index: schema version %d; only 2 is known", idx.SchemaVersion)
	}
	for _, d := range idx.Manifests {
		if p.left--; p.left < 0 {
			return over("manifests", maxManifests, maxManifests+1)
		}
		if !p.fits(d.Platform) {
			continue
		}
		raw, err := p.s.blob(d)
		if err != nil {
			return fmt.Errorf("manifest: %w", err)
		}
		switch {
		case d.MediaType.IsIndex():
			err = p.index(raw, depth+1)
		case d.MediaType.IsImage():
			err = p.manifest(d, raw)
		}
		if err != nil || p.s.manifest != nil {
			return err
		}
	}
	return nil
}

// fits tells whether a descriptor may lead to this machine's image.
func (p *picker) fits(d *v1.Platform) bool {
	system, arch := platform()
	if d == nil || d.OS == system && d.Architecture == arch {
		return true
	}
	if len(p.seen) < 16 {
		p.seen = append(p.seen, d.OS+"/"+d.Architecture)
	}
	return false
}

// manifest takes a manifest if its config is for this machine.
func (p *picker) manifest(d v1.Descriptor, raw []byte) error {
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return bad("manifest: %w", err)
	}
	if !m.Config.MediaType.IsConfig() {
		return nil // an attestation or another artifact beside the image
	}
	rawCfg, err := p.s.blob(m.Config)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	cfg, err := v1.ParseConfigFile(bytes.NewReader(rawCfg))
	if err != nil {
		return bad("config: %w", err)
	}
	if !p.fits(&v1.Platform{OS: cfg.OS, Architecture: cfg.Architecture}) {
		return nil
	}
	p.s.raw, p.s.digest, p.s.kind, p.s.manifest, p.s.config, p.s.rawCfg = raw, d.Digest, d.MediaType, m, cfg, rawCfg
	return nil
}

// open opens a layer's blob as it lies there, unchecked.
func (s *source) open(d v1.Descriptor) (io.ReadCloser, error) {
	return s.layout.Open(path.Join("blobs", "sha256", d.Digest.Hex))
}

// check holds the manifest to the limits and to its config.
func (s *source) check(limits Limits) error {
	m := s.manifest
	if len(m.Layers) > limits.Layers {
		return over("layers", int64(limits.Layers), int64(len(m.Layers)))
	}
	if got, want := len(s.config.RootFS.DiffIDs), len(m.Layers); got != want {
		return bad("config has %d diff IDs for %d layers", got, want)
	}
	for i, d := range m.Layers {
		if _, err := compressionOf(d.MediaType); err != nil {
			return err
		}
		if err := checkHash(d.Digest); err != nil {
			return err
		}
		if err := checkHash(s.config.RootFS.DiffIDs[i]); err != nil {
			return err
		}
	}
	return nil
}

// blob reads a small blob and checks it.
func (s *source) blob(d v1.Descriptor) ([]byte, error) {
	if d.Size < 0 || d.Size > maxJSONBytes {
		return nil, over("bytes of "+string(d.MediaType), maxJSONBytes, d.Size)
	}
	r, err := openBlob(s.layout, d)
	if err != nil {
		return nil, err
	}
	defer r.f.Close()
	b := make([]byte, d.Size)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, bad("blob %s: %w", d.Digest, err)
	}
	return b, r.finish()
}

// blobReader reads a blob up to its declared size; finish says whether it was that blob.
type blobReader struct {
	f    fs.File
	d    v1.Descriptor
	left int64
	sum  hash.Hash
}

func openBlob(layout fs.FS, d v1.Descriptor) (*blobReader, error) {
	if err := checkHash(d.Digest); err != nil {
		return nil, err
	}
	f, err := layout.Open(path.Join("blobs", "sha256", d.Digest.Hex))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, bad("blob %s is missing", d.Digest)
	}
	if err != nil {
		return nil, err
	}
	return &blobReader{f: f, d: d, left: d.Size, sum: sha256.New()}, nil
}

func (r *blobReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n, err := r.f.Read(p[:min(int64(len(p)), r.left)])
	r.sum.Write(p[:n])
	r.left -= int64(n)
	return n, err
}

// finish reads what is left and compares size and digest.
func (r *blobReader) finish() error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	var one [1]byte
	if n, _ := r.f.Read(one[:]); n > 0 || r.left > 0 {
		return bad("blob %s does not have its %d bytes", r.d.Digest, r.d.Size)
	}
	if got := hex.EncodeToString(r.sum.Sum(nil)); got != r.d.Digest.Hex {
		return bad("blob %s has the digest sha256:%s", r.d.Digest, got)
	}
	return nil
}

func checkHash(h v1.Hash) error {
	if b, err := hex.DecodeString(h.Hex); h.Algorithm != "sha256" || err != nil || len(b) != sha256.Size || hex.EncodeToString(b) != h.Hex {
		return bad("digest %q is no sha256", h.String())
	}
	return nil
}

// compressionOf is how a layer of this media type is packed.
func compressionOf(t types.MediaType) (string, error) {
	switch t {
	case types.OCIUncompressedLayer, types.OCIUncompressedRestrictedLayer, types.DockerUncompressedLayer:
		return "", nil
	case types.OCILayer, types.OCIRestrictedLayer, types.DockerLayer, types.DockerForeignLayer:
		return "gzip", nil
	case types.OCILayerZStd, "application/vnd.docker.image.rootfs.diff.tar.zstd":
		return "zstd", nil
	}
	return "", bad("layer of media type %q; tar, gzip and zstd layers are known", t)
}

// readSmall reads a file of JSON.
func readSmall(layout fs.FS, name string) ([]byte, error) {
	f, err := layout.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxJSONBytes+1))
	if err == nil && len(b) > maxJSONBytes {
		err = &LimitError{"bytes of " + name, maxJSONBytes, int64(len(b))}
	}
	return b, err
}

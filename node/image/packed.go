package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// packedDir of a library has a file for each set of packages whose layers it has. Images
// that come from elsewhere are not asked: they could call anything by a package's name.
const packedDir = "packed"

// packing is raised when the same packages become other layers.
const packing = 1

// packedBytes is the most that a record of packed may have.
const packedBytes = 1 << 20

// packed is a set of packages as layers, of an image that Build made.
type packed struct {
	Layers    []v1.Descriptor `json:"layers"`
	DiffIDs   []v1.Hash       `json:"diff_ids"`
	Libraries []string        `json:"libraries,omitempty"` // directories that the loader does not know by itself
	Label     string          `json:"label"`               // names and versions
}

// setOf names packages by what they hold and by what packs them. archives are apt's file
// names with their hashes, in order.
func setOf(archives []string) string {
	compressor := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/klauspost/compress" {
				compressor = m.Version
			}
		}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s\n%s", packing, compressor, strings.Join(archives, "\n")))
	return hex.EncodeToString(sum[:])
}

// readPacked finds the layers of a set of packages. It returns nil for a record that is not whole, or whose layers are not here.
func readPacked(path string, known func(string) (string, bool)) *packed {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var p packed
	if err := json.NewDecoder(io.LimitReader(f, packedBytes)).Decode(&p); err != nil || len(p.Layers) == 0 || len(p.Layers) != len(p.DiffIDs) {
		return nil
	}
	for _, d := range p.Layers {
		if _, ok := known(d.Digest.Hex); !ok {
			return nil
		}
	}
	return &p
}

// keepPacked records the layers of a set of packages, and forgets sets whose layers went.
func (w *layoutWriter) keepPacked(record string, p *packed) error {
	dir := filepath.Dir(record)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	records, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, r := range records {
		if path := filepath.Join(dir, r.Name()); readPacked(path, w.known) == nil {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return writeSynced(record, raw)
}

// addPackages adds a recipe's packages, and records the layers that they became.
func (b *building) addPackages(s packageSet, alone bool) error {
	switch {
	case s.packed != nil:
		b.layers, b.cfg.RootFS.DiffIDs = s.packed.Layers, s.packed.DiffIDs
		b.describePackages(s.packed)
		return b.w.layers(b.layers, func(d v1.Descriptor) (io.ReadCloser, error) {
			path, _ := b.w.known(d.Digest.Hex)
			return os.Open(path)
		})
	case len(s.debs) == 0:
		return nil
	}
	p, err := b.addDebs(s.debs, alone)
	if err != nil {
		return err
	}
	b.describePackages(p)
	if s.record == "" {
		return nil
	}
	return b.w.keepPacked(s.record, p)
}

// describePackages writes into the config what an image's packages are and need.
func (b *building) describePackages(p *packed) {
	labels := map[string]string{"rerig.debian": p.Label}
	for k, v := range b.cfg.Config.Labels {
		if _, ok := labels[k]; !ok {
			labels[k] = v
		}
	}
	b.cfg.Config.Labels = labels
	b.cfg.Config.Env = overlayEnv(b.cfg.Config.Env, []string{"PATH=" + DefaultPath})
	if len(p.Libraries) > 0 {
		b.cfg.Config.Env = overlayEnv(b.cfg.Config.Env, []string{"LD_LIBRARY_PATH=" + strings.Join(p.Libraries, ":")})
	}
}

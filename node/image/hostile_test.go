package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// TestHostileTars holds layers that want out of the image, or want to be more than the
// machine has, to a *BadImageError and an empty store.
func TestHostileTars(t *testing.T) {
	t.Parallel()
	many := func(n int) (all []file) {
		for i := range n {
			all = append(all, plain(fmt.Sprintf("f%d", i), ""))
		}
		return all
	}
	links := []file{plain("f", "x")}
	for i := range maxLinks + 1 {
		links = append(links, hardlink(fmt.Sprintf("l%d", i), "f"))
	}
	for name, c := range map[string]struct {
		files []file
		want  string
	}{
		"dots":                {[]file{plain("../escape", "x")}, "leaves the image"},
		"dots inside":         {[]file{plain("a/../../escape", "x")}, "leaves the image"},
		"link to dots":        {[]file{hardlink("h", "../../etc/passwd")}, "leaves the image"},
		"link to the host":    {[]file{hardlink("h", "/etc/passwd")}, "no file of the image"},
		"link to a directory": {[]file{dir("d"), hardlink("h", "d")}, "no file of the image"},
		"link to itself":      {[]file{hardlink("h", "h")}, "no file of the image"},
		"link through a link": {[]file{symlink("d", "/etc"), hardlink("h", "d/passwd")}, "no file of the image"},
		"symlink loop":        {[]file{symlink("a", "b"), symlink("b", "a"), plain("a/x", "")}, "more than 40 symlinks"},
		"long symlink":        {[]file{symlink("a", strings.Repeat("x/", 2048))}, "symlink"},
		"below a file":        {[]file{plain("a", ""), plain("a/b", "")}, "not a directory"},
		"long name":           {[]file{plain(strings.Repeat("x", 256), "")}, "at most 255, got 256"},
		"long path":           {[]file{dir(strings.Repeat("xxxxxxxxx/", 401))}, "at most 4000, got 4010"},
		"deep path":           {[]file{dir(strings.Repeat("x/", 129))}, "at most 128, got 129"},
		"deep by symlinks":    {deeper(), "in one another"},
		"symlinks in circles": {circles(), "lead around"},
		"root is a file":      {[]file{plain(".", "x")}, "root is a file"},
		"empty whiteout":      {[]file{plain("d/.wh.", "")}, "hides nothing"},
		"whiteout of parent":  {[]file{plain("d/.wh...", "")}, "hides nothing"},
		"many entries":        {many(201), "files and directories: at most 200"},
		"many hard links":     {links, "hard links"},
		"many bytes":          {[]file{plain("big", strings.Repeat("x", 2<<20))}, "at most 1048576"},
		"owner":               {[]file{{tar.Header{Name: "f", Typeflag: tar.TypeReg, Uid: 1 << 31}, ""}}, "belongs to"},
		"unknown type":        {[]file{{tar.Header{Name: "f", Typeflag: 'Z'}, ""}}, "unknown type"},
	} {
		limits := Limits{Entries: 200, Bytes: 1 << 20}
		if name == "many hard links" || name == "symlinks in circles" {
			limits = Limits{Entries: 3000}
		}
		s := open(t, Config{Limits: limits})
		_, err := s.Unpack(t.Context(), simple(t, c.files...))
		var bad *BadImageError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if e, _ := os.ReadDir(s.path(tmpDir)); len(e) > 0 {
			t.Errorf("%s: left %d entries in tmp", name, len(e))
		}
		if e, _ := os.ReadDir(s.path(rootsDir)); len(e) > 0 {
			t.Errorf("%s: left a root", name)
		}
	}
}

// deeper makes a way of 200 directories through symlinks, none of which is long.
func deeper() []file {
	long := strings.Repeat("d/", 100)
	return []file{dir(long), symlink("l", long), symlink(long+"m", strings.Repeat("e/", 60)), plain("l/m/f", "")}
}

// circles makes symlinks that lead around long before they end, and many ways in.
func circles() []file {
	all := []file{dir("d"), symlink("l0", "d")}
	for i := range 39 {
		all = append(all, symlink(fmt.Sprintf("l%d", i+1), strings.Repeat("d/../", 700)+fmt.Sprintf("l%d", i)))
	}
	for i := range 100 {
		all = append(all, plain(fmt.Sprintf("l39/%d", i), ""))
	}
	return all
}

// TestSymlinksStayInside writes through symlinks that lead out of the image: every file
// lands in it.
func TestSymlinksStayInside(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	s := open(t, Config{})
	r := unpack(t, s, simple(t,
		symlink("up", "../../../../../../.."), plain("up/one", "1"),
		symlink("abs", outside), plain("abs/two", "2"),
		symlink("proc", "/etc"), symlink("run", "/elsewhere"), plain("run/three", "3"), symlink("out", "."),
	))
	if e, err := os.ReadDir(outside); err != nil || len(e) > 0 {
		t.Errorf("%d files outside of the image, %v", len(e), err)
	}
	got := listing(t, r.Path)
	inside := strings.TrimPrefix(outside, "/")
	if got["one"] != "1" || got[inside+"/two"] != "2" || got["elsewhere/three"] != "3" {
		t.Errorf("got %v", got)
	}
	for _, p := range MountPoints() {
		if st, err := os.Lstat(filepath.Join(r.Path, p)); err != nil || !st.IsDir() {
			t.Errorf("mount point %s is a %v, %v", p, st.Mode(), err)
		}
	}
}

// TestDevicesAreLeftOut drops what a job has no use for.
func TestDevicesAreLeftOut(t *testing.T) {
	t.Parallel()
	capable := plain("ping", "x")
	capable.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00", "SCHILY.xattr.user.mine": "1"}
	r := unpack(t, open(t, Config{}), simple(t, capable,
		file{tar.Header{Name: "sda", Typeflag: tar.TypeBlock, Devmajor: 8}, ""},
		file{tar.Header{Name: "mem", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 1}, ""},
		file{tar.Header{Name: "pipe", Typeflag: tar.TypeFifo}, ""}))
	if got := listing(t, r.Path); len(got) != 1 || got["ping"] != "x" {
		t.Errorf("got %v", got)
	}
	if n, err := xattrs(filepath.Join(r.Path, "ping")); err != nil || n != 0 {
		t.Errorf("%d bytes of extended attributes, %v", n, err)
	}
}

// alter changes a layout's file.
func alter(t *testing.T, dir string, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestForgedBlobs refuses whatever does not match its digest, size or limits.
func TestForgedBlobs(t *testing.T) {
	t.Parallel()
	layer := layerOf(t, plain("file", strings.Repeat("text", 1000)))
	digest, err := layer.Digest()
	if err != nil {
		t.Fatal(err)
	}
	blob := "blobs/sha256/" + digest.Hex
	img := imageOf(t, v1.Config{}, layer)
	manifest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	index := func(edit func(*v1.IndexManifest)) func([]byte) []byte {
		return func(b []byte) []byte {
			idx, err := v1.ParseIndexManifest(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			edit(idx)
			out, err := json.Marshal(idx)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	for name, c := range map[string]struct {
		file   string
		change func([]byte) []byte
		want   string
	}{
		"layer changed":    {blob, flip, ""},
		"layer short":      {blob, func(b []byte) []byte { return b[:len(b)-1] }, ""},
		"layer longer":     {blob, func(b []byte) []byte { return append(b, 0) }, "does not have its"},
		"layer empty":      {blob, func([]byte) []byte { return nil }, ""},
		"manifest changed": {"blobs/sha256/" + manifest.Hex, flip, "has the digest"},
		"no mark":          {"oci-layout", func([]byte) []byte { return nil }, "oci-layout"},
		"other version":    {"oci-layout", func([]byte) []byte { return []byte(`{"imageLayoutVersion":"9"}`) }, "only 1.0.0"},
		"no JSON":          {"index.json", func([]byte) []byte { return []byte("{") }, "index"},
		"long index":       {"index.json", func([]byte) []byte { return bytes.Repeat([]byte(" "), maxJSONBytes+1) }, "bytes of index.json"},
		"no manifests":     {"index.json", index(func(i *v1.IndexManifest) { i.Manifests = nil }), "no manifest for"},
		"path as digest": {"index.json", func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(manifest.Hex), []byte("../../../../etc/passwd"))
		}, "index"},
		"huge manifest": {"index.json", index(func(i *v1.IndexManifest) { i.Manifests[0].Size = 1 << 40 }), "at most 4194304"},
		"negative size": {"index.json", index(func(i *v1.IndexManifest) { i.Manifests[0].Size = -1 }), "got -1"},
		"many manifests": {"index.json", index(func(i *v1.IndexManifest) {
			i.Manifests[0].Platform = &v1.Platform{OS: "plan9", Architecture: "mips"}
			for len(i.Manifests) < 2000 {
				i.Manifests = append(i.Manifests, i.Manifests[0])
			}
		}), "manifests: at most 1024"},
	} {
		dir := layoutOf(t, img)
		alter(t, dir, c.file, c.change)
		_, err := open(t, Config{}).Unpack(t.Context(), os.DirFS(dir))
		var bad *BadImageError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// lyingLayer says that it unpacks to something else.
type lyingLayer struct{ v1.Layer }

func (lyingLayer) DiffID() (v1.Hash, error) {
	return v1.NewHash("sha256:" + strings.Repeat("ab", 32))
}

func TestLyingLayers(t *testing.T) {
	t.Parallel()
	honest := layerOf(t, plain("x", "x"))
	zeros := tarOf(t, plain("bomb", strings.Repeat("\x00", 16<<20)))
	for name, c := range map[string]struct {
		layers []v1.Layer
		want   string
	}{
		"diff ID":      {[]v1.Layer{lyingLayer{honest}}, "its config says sha256:abab"},
		"bomb":         {[]v1.Layer{pack(t, types.OCILayer, zeros)}, "at most 1048576"},
		"zstd bomb":    {[]v1.Layer{pack(t, types.OCILayerZStd, zeros)}, "at most 1048576"},
		"bomb behind":  {[]v1.Layer{pack(t, types.OCILayer, append(tarOf(t, plain("x", "")), make([]byte, 16<<20)...))}, "at most 1048576"},
		"no gzip":      {[]v1.Layer{&packedLayer{[]byte("no gzip at all"), nil, types.OCILayer}}, "gzip"},
		"no zstd":      {[]v1.Layer{&packedLayer{[]byte("no zstd at all"), nil, types.OCILayerZStd}}, "magic"},
		"no tar":       {[]v1.Layer{pack(t, types.OCILayer, bytes.Repeat([]byte("junk"), 1000))}, "tar"},
		"media type":   {[]v1.Layer{&packedLayer{[]byte("x"), nil, "text/plain"}}, "text/plain"},
		"many layers":  {[]v1.Layer{honest, honest, honest, honest}, "layers: at most 3"},
		"tar cut off":  {[]v1.Layer{pack(t, types.OCIUncompressedLayer, tarOf(t, plain("x", "text"))[:514])}, "tar"},
		"many in sum":  {[]v1.Layer{layerOf(t, half()...), layerOf(t, append(half(), plain("other", ""))...)}, "files and directories"},
		"gzip cut off": {[]v1.Layer{cut(t)}, "unexpected EOF"},
	} {
		s := open(t, Config{Limits: Limits{Layers: 3, Bytes: 1 << 20, Entries: 100}})
		_, err := s.Unpack(t.Context(), os.DirFS(layoutOf(t, imageOf(t, v1.Config{}, c.layers...))))
		var bad *BadImageError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func half() (all []file) {
	for i := range 60 {
		all = append(all, plain(fmt.Sprint(i), ""))
	}
	return all
}

// cut is a gzip stream without its end.
func cut(t *testing.T) v1.Layer {
	t.Helper()
	plain := tarOf(t, plain("x", "text"))
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return &packedLayer{b.Bytes(), plain, types.OCILayer}
}

// FuzzLayers unpacks any bytes as two layers: it fails or it makes a root, and never
// leaves the store.
func FuzzLayers(f *testing.F) {
	f.Add(tarOf(f, dir("d"), plain("d/f", "text"), symlink("l", "d"), hardlink("h", "d/f"), plain("d/.wh.x", "")),
		tarOf(f, plain("l/g", ""), plain("d/.wh.f", ""), plain(".wh.h", "")))
	f.Add(tarOf(f, symlink("a", "/"), plain("a/b", "")), tarOf(f, plain("a/.wh..wh..opq", ""), symlink("b", "..")))
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		s := open(t, Config{MaxBytes: 4 << 20, Limits: Limits{Bytes: 1 << 20, Entries: 100, Names: 10 << 10}})
		img := imageOf(t, v1.Config{}, &packedLayer{lower, lower, types.OCIUncompressedLayer}, &packedLayer{upper, upper, types.OCIUncompressedLayer})
		r, err := s.Unpack(t.Context(), os.DirFS(layoutOf(t, img)))
		if err != nil {
			return
		}
		defer r.Release()
		err = filepath.WalkDir(r.Path, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !d.Type().IsRegular() && d.Type() != fs.ModeSymlink {
				err = fmt.Errorf("%s is a %v", path, d.Type())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if e, err := os.ReadDir(s.cfg.Dir); err != nil || len(e) != 3 {
			t.Errorf("the store has %d entries, %v", len(e), err)
		}
	})
}

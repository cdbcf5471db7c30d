package artifact

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol/seal"
)

// TestSealedFile: what is in the store, and what travels, opens with the key and tells
// nothing without it.
func TestSealedFile(t *testing.T) {
	has, asks := pair(t)
	key := seal.NewKey()
	want := []byte(strings.Repeat("the secret of the job ", 100000))
	src := filepath.Join(t.TempDir(), "secret")
	writeFile(t, src, want)
	c, size, err := has.AddSealed(t.Context(), src, key)
	if err != nil {
		t.Fatal(err)
	}
	if size != seal.Size(uint64(len(want))) {
		t.Errorf("%d bytes, want %d", size, seal.Size(uint64(len(want))))
	}
	if err := has.Share(c, asks.host.ID()); err != nil {
		t.Fatal(err)
	}
	path, err := asks.Fetch(t.Context(), c, size, From(has.host.ID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{has, asks} {
		tellsNothing(t, n.cfg.Dir, "the secret of the job", "secret")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := seal.NewOpener(key, f)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("opened to %d bytes, %v", len(got), err)
	}
}

// tellsNothing looks for words in every name and file below a directory.
func tellsNothing(t *testing.T, dir string, words ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var data []byte
		if d.Type().IsRegular() {
			data = readFile(t, path)
		}
		for _, w := range words {
			if strings.Contains(d.Name(), w) || bytes.Contains(data, []byte(w)) {
				t.Errorf("%s tells %q", path, w)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSealedRanges: a range of a sealed file costs the leaves that it lies in.
func TestSealedRanges(t *testing.T) {
	source, store, asks := hostilePeer(t, testStall)
	key, want := seal.NewKey(), noise(5<<20, 1)
	sealer, err := seal.NewSealer(key, bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := io.ReadAll(sealer)
	if err != nil {
		t.Fatal(err)
	}
	root, list := fileBlocks(t, startNode(t, Config{}), sealed)
	put(t, store, list[0], list[1], list[3]) // the root, the leaf with the salt, and leaf 2
	r, err := asks.Open(t.Context(), root.String(), From(source))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	open, err := seal.NewReaderAt(key, r, r.Size())
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1<<20-seal.TagBytes)
	at := 2*(1<<20-seal.TagBytes) - seal.SaltBytes // where leaf 2 begins
	if _, err := open.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got, want[at:at+len(got)]) {
		t.Errorf("%v, or other bytes", err)
	}
}

func TestSealedDirectory(t *testing.T) {
	has, asks := pair(t)
	key := seal.NewKey()
	files := map[string][]byte{
		"result-of-the-job.txt": []byte("forty-two is the answer"), "empty": nil, "big": noise(3<<20, 1),
		"a/b/deep": noise(100, 2), strings.Repeat("n", 128): []byte("x"), "name with ünïcode …": []byte("y"),
	}
	src := t.TempDir()
	var total uint64
	for name, data := range files {
		writeFile(t, filepath.Join(src, name), data)
		total += uint64(len(data))
	}
	if err := os.Mkdir(filepath.Join(src, "nothing"), 0o755); err != nil {
		t.Fatal(err)
	}
	c, size, err := has.AddSealedDir(t.Context(), src, total, 20, key)
	if err != nil {
		t.Fatal(err)
	}
	if size != total {
		t.Errorf("AddSealedDir said %d bytes, want %d", size, total)
	}
	if err := has.Share(c, asks.host.ID()); err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "not", "yet", "there")
	if err := asks.FetchSealedDir(t.Context(), c, dest, total, 9, From(has.host.ID()), key); err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got := readFile(t, filepath.Join(dest, name)); !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes", name)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dest, "nothing")); err != nil || len(entries) > 0 {
		t.Errorf("empty directory: %v, %v", entries, err)
	}
	for _, n := range []*node{has, asks} {
		tellsNothing(t, n.cfg.Dir, "forty-two is", "result-of-the-job")
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := asks.FetchSealedDir(t.Context(), c, other, total, 9, From(has.host.ID()), seal.NewKey()); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another job's key: %v, want seal.ErrOpen", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(other)); len(left) > 0 {
		t.Errorf("it left %s behind", left[0].Name())
	}
}

// TestHostileSealedDirectories: the rig has the key, so it can seal anything.
func TestHostileSealedDirectories(t *testing.T) {
	has, asks := pair(t)
	key := seal.NewKey()
	file := func(name string) *tar.Header { return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 4} }
	many := make([]*tar.Header, 9)
	for i := range many {
		many[i] = file(string(rune('a' + i)))
	}
	for name, tc := range map[string]struct {
		entries []*tar.Header
		limit   string // field of the LimitError, or empty: ErrMalformed
	}{
		"parent":           {[]*tar.Header{file("../x")}, ""},
		"absolute":         {[]*tar.Header{file("/etc/x")}, ""},
		"dot":              {[]*tar.Header{file("./x")}, ""},
		"empty":            {[]*tar.Header{file("")}, ""},
		"backslash":        {[]*tar.Header{file(`..\x`)}, ""},
		"symlink":          {[]*tar.Header{{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/etc"}}, ""},
		"hard link":        {[]*tar.Header{{Typeflag: tar.TypeLink, Name: "l", Linkname: "/etc/passwd"}}, ""},
		"device":           {[]*tar.Header{{Typeflag: tar.TypeChar, Name: "c", Devmajor: 1, Devminor: 3}}, ""},
		"pipe":             {[]*tar.Header{{Typeflag: tar.TypeFifo, Name: "p"}}, ""},
		"twice":            {[]*tar.Header{file("x"), file("x")}, ""},
		"no such parent":   {[]*tar.Header{file("d/x")}, ""},
		"file as a parent": {[]*tar.Header{file("d"), file("d/x")}, ""},
		"too deep":         {[]*tar.Header{file(strings.Repeat("d/", maxDirDepth+1) + "x")}, "directory levels"},
		"too many":         {many, "files and directories"},
		"too many bytes":   {[]*tar.Header{{Typeflag: tar.TypeReg, Name: "x", Size: 4 << 20}}, "bytes of all files"},
	} {
		t.Run(name, func(t *testing.T) {
			var archive bytes.Buffer
			w := tar.NewWriter(&archive)
			for _, h := range tc.entries {
				if err := w.WriteHeader(h); err != nil {
					t.Fatal(err)
				}
				if _, err := io.CopyN(w, bytes.NewReader(make([]byte, h.Size)), h.Size); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			refusesSealed(t, has, asks, key, archive.Bytes(), tc.limit)
		})
	}
	t.Run("no archive", func(t *testing.T) { refusesSealed(t, has, asks, key, noise(5000, 1), "") })
}

func refusesSealed(t *testing.T, has, asks *node, key seal.Key, archive []byte, limit string) {
	t.Helper()
	c, _, err := has.addSealed(t.Context(), bytes.NewReader(archive), uint64(len(archive)), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := has.Publish(c); err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	err = asks.FetchSealedDir(t.Context(), c, filepath.Join(top, "out"), 4<<20-1, 8, From(has.host.ID()), key)
	var over *LimitError
	switch {
	case limit == "" && !errors.Is(err, ErrMalformed):
		t.Errorf("got %v, want ErrMalformed", err)
	case limit != "" && (!errors.As(err, &over) || over.Field != limit):
		t.Errorf("got %v, want a LimitError on %s", err, limit)
	}
	if left, _ := os.ReadDir(top); len(left) > 0 {
		t.Errorf("it left %s behind", left[0].Name())
	}
}

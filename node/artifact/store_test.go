package artifact

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCIDOfIPFS: the CID is the one `ipfs add --cid-version=1` gives.
func TestCIDOfIPFS(t *testing.T) {
	s := startNode(t, Config{})
	const want = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
	if got := addBytes(t, s.Store, []byte("hello world")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDirectory(t *testing.T) {
	has, asks := pair(t)
	src := t.TempDir()
	files := map[string][]byte{
		"result.txt": []byte("forty-two"), "empty": nil, "big": noise(5<<20, 1),
		"a/b/c/deep": noise(100, 2), "a/same": []byte("forty-two"), "name with ünïcode …": []byte("x"),
	}
	var total uint64
	for name, data := range files {
		writeFile(t, filepath.Join(src, name), data)
		total += uint64(len(data))
	}
	if err := os.Mkdir(filepath.Join(src, "nothing"), 0o755); err != nil {
		t.Fatal(err)
	}
	c, size, err := has.AddDir(t.Context(), src, total, 20)
	if err != nil {
		t.Fatal(err)
	}
	if size != total {
		t.Errorf("AddDir said %d bytes, want %d", size, total)
	}
	if err := os.RemoveAll(src); err != nil {
		t.Fatal(err)
	}
	if err := has.Share(c, asks.host.ID()); err != nil {
		t.Fatal(err)
	}
	check := func(n *node, from *node) {
		t.Helper()
		dest := filepath.Join(t.TempDir(), "not", "yet", "there")
		if err := n.FetchDir(t.Context(), c, dest, total, 20, From(from.host.ID())); err != nil {
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
		if err := n.FetchDir(t.Context(), c, dest, total, 20, From(from.host.ID())); err == nil {
			t.Error("a destination that holds files was overwritten")
		}
	}
	check(asks, has)
	has.stop()
	again := startNode(t, Config{Dir: has.cfg.Dir})
	check(again, asks) // all is local: asks has nothing
}

func TestAddDirRefuses(t *testing.T) {
	s := startNode(t, Config{})
	for name, tc := range map[string]struct {
		make func(dir string) error
		want string
	}{
		"symlink":          {func(d string) error { return os.Symlink("/etc/passwd", d+"/leak") }, "leak is a symlink"},
		"linked directory": {func(d string) error { return os.Symlink("/etc", d+"/etc") }, "etc is a symlink"},
		"name":             {func(d string) error { return os.WriteFile(d+"/a:b", nil, 0o600) }, `"a:b"`},
		"bytes":            {func(d string) error { return os.WriteFile(d+"/big", make([]byte, 2000), 0o600) }, "bytes of all files: at most 1000, got 2000"},
		"count": {func(d string) error {
			return errors.Join(os.Mkdir(d+"/1", 0o700), os.Mkdir(d+"/2", 0o700), os.Mkdir(d+"/3", 0o700), os.Mkdir(d+"/4", 0o700))
		}, "files and directories: at most 3, got 4"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := tc.make(dir); err != nil {
				t.Fatal(err)
			}
			_, _, err := s.AddDir(t.Context(), dir, 1000, 3)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if !errors.As(err, new(*ContentError)) {
				t.Errorf("%v is not called the content's fault", err)
			}
		})
	}
	full, dir := startNode(t, Config{MaxBytes: 2 << 20}), t.TempDir()
	if err := os.WriteFile(dir+"/a", noise(3<<20, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := full.AddDir(t.Context(), dir, 8<<20, 3); !errors.As(err, new(*LimitError)) || errors.As(err, new(*ContentError)) {
		t.Errorf("a full store: got %v", err)
	}
	if _, _, err := s.AddFile(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "plain file") {
		t.Errorf("adding a directory as a file: %v", err)
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	first := startNode(t, Config{Dir: dir})
	data := noise(3<<20, 1)
	public, private := addBytes(t, first.Store, data), addBytes(t, first.Store, []byte("secret"))
	if err := first.Publish(public); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "files", private+"x"), []byte("a crash left this"))
	first.stop()

	again, asks := startNode(t, Config{Dir: dir}), startNode(t, Config{})
	connect(t, again.host, asks.host)
	path, ok := again.Path(public)
	if !ok || !bytes.Equal(readFile(t, path), data) {
		t.Error("content is gone after a restart")
	}
	if n, ok := again.Size(private); !ok || n != 6 {
		t.Errorf("Size after a restart: %d, %v", n, ok)
	}
	if _, err := asks.Fetch(t.Context(), public, 3<<20, From(again.host.ID())); err != nil {
		t.Errorf("public content after a restart: %v", err)
	}
	if _, err := asks.Fetch(t.Context(), private, 3<<20, From(again.host.ID())); !errors.Is(err, ErrNotFound) {
		t.Errorf("private content after a restart: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "files")); err != nil || len(left) != 2 {
		t.Errorf("%d files are left, %v; want 2", len(left), err)
	}
}

func TestEviction(t *testing.T) {
	dir := t.TempDir()
	s := startNode(t, Config{Dir: dir, MaxBytes: 8 << 20})
	var ids []string
	for i := range 6 { // each a little over 1 MiB with its node
		ids = append(ids, addBytes(t, s.Store, noise(1<<20+1, byte(i))))
	}
	unpin := s.Pin(ids[0])
	s.Path(ids[1]) // used last
	addBytes(t, s.Store, noise(3<<20, 20))
	if !s.Has(ids[0]) || !s.Has(ids[1]) {
		t.Error("pinned or fresh content was evicted")
	}
	if s.Has(ids[2]) {
		t.Error("the longest unused content was kept")
	}
	if n := treeBytes(dir); n > 8<<20+64<<10 {
		t.Errorf("%d bytes on disk", n)
	}
	if err := s.Remove(ids[0]); !errors.Is(err, ErrPinned) {
		t.Errorf("removing pinned content: %v", err)
	}
	var limit *LimitError
	if _, err := s.AddBytes(t.Context(), noise(7<<20, 21)); !errors.As(err, &limit) || limit.Limit != 8<<20 {
		t.Errorf("a store full of pins: %v", err)
	}
	unpin()
	if err := s.Remove(ids[0]); err != nil || s.Has(ids[0]) {
		t.Errorf("Remove: %v", err)
	}
	addBytes(t, s.Store, noise(7<<20, 21))
	for _, id := range ids {
		_ = s.Remove(id)
	}
}

// TestRemoveKeepsSharedBytes: two directories hold one file; it goes with the
// second.
func TestRemoveKeepsSharedBytes(t *testing.T) {
	s := startNode(t, Config{})
	one, two := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(one, "f"), []byte("both"))
	writeFile(t, filepath.Join(two, "f"), []byte("both"))
	writeFile(t, filepath.Join(two, "g"), []byte("more"))
	a, _, err := s.AddDir(t.Context(), one, 100, 10)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := s.AddDir(t.Context(), two, 100, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(a); err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "out")
	if err := s.FetchDir(t.Context(), b, dest, 100, 10, Sources{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(b); err != nil {
		t.Fatal(err)
	}
	left := 0
	_ = filepath.WalkDir(s.cfg.Dir, func(_ string, d fs.DirEntry, _ error) error {
		if !d.IsDir() && d.Name() != "probe" {
			left++
		}
		return nil
	})
	if left > 0 || s.index.bytes != 0 || len(s.index.blocks) > 0 {
		t.Errorf("%d files, %d bytes, %d blocks are left", left, s.index.bytes, len(s.index.blocks))
	}
}

func TestBadDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, nil)
	_, err := New(Config{Dir: filepath.Join(file, "below"), Host: newHost(t), MaxBytes: 1 << 30})
	if err == nil || !strings.Contains(err.Error(), "choose a data directory") {
		t.Errorf("got %v", err)
	}
}

func TestClosedStore(t *testing.T) {
	has, asks := pair(t)
	c := addBytes(t, has.Store, []byte("late"))
	asks.stop()
	if _, err := asks.Fetch(context.Background(), c, 100, From(has.host.ID())); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if err := asks.Run(t.Context()); err == nil {
		t.Error("Run ran twice")
	}
}

func TestBadCID(t *testing.T) {
	s := startNode(t, Config{})
	for _, c := range []string{"", "x", "../../etc/passwd", strings.Repeat("b", 1000), "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG"} {
		if _, err := s.Fetch(t.Context(), c, 1, Sources{}); err == nil {
			t.Errorf("%.20q was taken for a CID", c)
		}
		if s.Has(c) {
			t.Errorf("Has(%.20q)", c)
		}
	}
}

// TestOrderOfUseOutlivesRestart: what was used last goes last, restart or not.
func TestOrderOfUseOutlivesRestart(t *testing.T) {
	dir := t.TempDir()
	first := startNode(t, Config{Dir: dir})
	var ids []string
	for i := range 4 {
		ids = append(ids, addBytes(t, first.Store, noise(1<<20, byte(i))))
	}
	first.Path(ids[0])
	first.stop()
	again := startNode(t, Config{Dir: dir, MaxBytes: 5 << 20})
	addBytes(t, again.Store, noise(2<<20, 9))
	if again.Has(ids[1]) || !again.Has(ids[0]) {
		t.Error("the order of use was lost")
	}
}

package image

import (
	"archive/tar"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// makeTree makes files below a new directory; a name that ends in / is a directory, and a
// text that begins with -> a symlink.
func makeTree(t testing.TB, files map[string]string) string {
	t.Helper()
	top := t.TempDir()
	for name, text := range files {
		path := filepath.Join(top, name)
		dir, target := filepath.Dir(path), strings.TrimPrefix(text, "->")
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		err := os.MkdirAll(dir, 0o750)
		switch {
		case err != nil || strings.HasSuffix(name, "/"):
		case target != text:
			err = os.Symlink(target, path)
		default:
			err = os.WriteFile(path, []byte(text), 0o640)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// TestBuildFromDirectory builds twice from what differs in times and modes that do not
// matter: the bytes are the same, and the root is what the directory was.
func TestBuildFromDirectory(t *testing.T) {
	t.Parallel()
	files := map[string]string{"bin/app": "run", "lib/data": "d", "empty/": "", "link": "->bin/app", "etc/x": strings.Repeat("x", 1<<20)}
	r := Recipe{Entrypoint: []string{"/bin/app"}, Env: []string{"A=1"}, WorkDir: "/work"}
	l := OpenLibrary(t.TempDir())
	var layouts []map[string]string
	for i, name := range []string{"one", "two"} {
		r.Dir = makeTree(t, files)
		if err := os.Chmod(filepath.Join(r.Dir, "bin/app"), []os.FileMode{0o700, 0o755}[i]); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(r.Dir, "lib/data"), time.Time{}, time.Unix(int64(i), 0)); err != nil {
			t.Fatal(err)
		}
		img, err := l.Build(t.Context(), name, r)
		if err != nil {
			t.Fatal(err)
		}
		layouts = append(layouts, contents(t, img.Dir))
	}
	if !maps.Equal(layouts[0], layouts[1]) {
		t.Error("the same files became two images")
	}
	root := unpack(t, open(t, Config{}), os.DirFS(mustFind(t, l, "one").Dir))
	want := map[string]string{"bin/": "", "bin/app": "run", "lib/": "", "lib/data": "d", "empty/": "", "link": "bin/app",
		"etc/": "", "etc/x": files["etc/x"], "work/": ""}
	if got := listing(t, root.Path); !maps.Equal(got, want) {
		t.Errorf("the root is %v", got)
	}
	for name, mode := range map[string]os.FileMode{"bin/app": 0o555, "lib/data": 0o444} {
		if st, err := os.Stat(filepath.Join(root.Path, name)); err != nil || st.Mode() != mode || !st.ModTime().Equal(madeAt) {
			t.Errorf("%s: %v %v, %v", name, st.Mode(), st.ModTime(), err)
		}
	}
}

// TestBuildOnABase keeps what the base runs where nothing else is said, and does not put
// a directory in the place of its links.
func TestBuildOnABase(t *testing.T) {
	t.Parallel()
	l := OpenLibrary(t.TempDir())
	build := func(name string, r Recipe) *Image {
		img, err := l.Build(t.Context(), name, r)
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	base := build("base", Recipe{Dir: makeTree(t, map[string]string{"usr/lib/a": "a", "lib": "->usr/lib"}),
		Entrypoint: []string{"/a"}, Cmd: []string{"b"}, Env: []string{"A=1", "B=2"}, User: "7"})
	child := build("child", Recipe{Base: "base", Dir: makeTree(t, map[string]string{"lib/c": "c"}), Env: []string{"B=3"}})
	want := base.Config
	want.Env = []string{"A=1", "B=3"}
	if !reflect.DeepEqual(child.Config, want) {
		t.Errorf("it runs %+v, want %+v", child.Config, want)
	}
	if other := build("other", Recipe{Base: "base", Entrypoint: []string{"/z"}}); len(other.Config.Cmd) > 0 || len(other.Layers) != 1 {
		t.Errorf("a new entrypoint runs with %q in %d layers", other.Config.Cmd, len(other.Layers))
	}
	got := listing(t, unpack(t, open(t, Config{}), os.DirFS(child.Dir)).Path)
	if got["lib"] != "usr/lib" || got["usr/lib/a"] != "a" || got["usr/lib/c"] != "c" {
		t.Errorf("the root is %v", got)
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	l := OpenLibrary(t.TempDir())
	dir := makeTree(t, map[string]string{"a/.wh.b": ""})
	for want, r := range map[string]Recipe{
		"an image of nothing":   {},
		"want KEY=value":        {Dir: dir, Env: []string{"=x"}},
		"want an absolute path": {Dir: dir, WorkDir: "x"},
		"no such image":         {Base: "absent"},
		"rename it":             {Dir: dir},
		"no such file":          {Dir: filepath.Join(dir, "absent")},
	} {
		if _, err := l.Build(t.Context(), "x", r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if e, _ := os.ReadDir(filepath.Join(l.dir, layoutsDir)); len(e) > 0 {
		t.Errorf("%d layouts were left", len(e))
	}
}

// TestAlternatives picks what update-alternatives would, from scripts as Debian has them.
func TestAlternatives(t *testing.T) {
	t.Parallel()
	a := alternatives{}
	a.read(`#!/bin/sh
if [ "$1" = configure ]; then
  update-alternatives --install /usr/lib/x86_64-linux-gnu/libblas.so.3 \
      libblas.so.3-x86_64-linux-gnu \
      /usr/lib/x86_64-linux-gnu/blas/libblas.so.3 10
  update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5 \
      --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \
      --slave /usr/bin/nawk nawk /usr/bin/mawk
  update-alternatives --install /usr/bin/editor editor $EDITOR 5
  update-alternatives --install /usr/bin/x x ../../etc/passwd 5
  update-alternatives --remove awk /usr/bin/mawk
fi`)
	a.read("update-alternatives --install /usr/lib/x86_64-linux-gnu/libblas.so.3 l /usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3 100\n" +
		"/usr/bin/update-alternatives --install /bin/pager pager /bin/more 50\nupdate-alternatives --install /usr/bin/taken taken /usr/bin/mawk 1\n" +
		"update-alternatives --install /usr/bin/gone gone /usr/bin/absent 1\nupdate-alternatives --install")
	files := map[string]bool{"/usr/bin/mawk": true, "/usr/bin/more": true, "/usr/bin/taken": true,
		"/usr/lib/x86_64-linux-gnu/blas/libblas.so.3": true, "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3": true}
	got := map[string]string{}
	for _, l := range a.chosen(files) {
		got[l.name] = l.target
	}
	want := map[string]string{"/usr/lib/x86_64-linux-gnu/libblas.so.3": "/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3",
		"/usr/bin/awk": "/usr/bin/mawk", "/usr/bin/nawk": "/usr/bin/mawk", "/usr/bin/pager": "/bin/more"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// TestPackagePaths puts files of packages where the links into /usr lead.
func TestPackagePaths(t *testing.T) {
	t.Parallel()
	u := &unpacking{}
	for in, want := range map[string]string{
		"./lib/x86_64-linux-gnu/libc.so.6": "usr/lib/x86_64-linux-gnu/libc.so.6", "./usr/bin/a": "usr/bin/a", "./bin/sh": "usr/bin/sh",
		"./usr/share/doc/a/copyright": "usr/share/doc/a/copyright", "./usr/share/doc/a": "usr/share/doc/a",
		"./usr/share/doc/a/changelog.gz": "", "./usr/share/man/man1/a.1.gz": "", "./": "", "../x": "", "./libexec/x": "libexec/x",
	} {
		h := &tar.Header{Name: in, Typeflag: tar.TypeReg}
		if ok := u.place(h); ok != (want != "") || ok && h.Name != want {
			t.Errorf("%s goes to %q, %v; want %q", in, h.Name, ok, want)
		}
	}
	if link := (&tar.Header{Name: "./bin", Linkname: "usr/bin", Typeflag: tar.TypeSymlink}); u.place(link) {
		t.Error("a link into /usr is made twice")
	}
	hard := &tar.Header{Name: "./bin/b", Linkname: "./bin/a", Typeflag: tar.TypeLink}
	if !u.place(hard) || hard.Linkname != "usr/bin/a" {
		t.Errorf("a hard link leads to %q", hard.Linkname)
	}
	u.loaderDirs("# comment\n/usr/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/local/lib\n/usr/lib/x86_64-linux-gnu/atlas\n/opt/lib\n")
	if want := []string{"/opt/lib", "/usr/lib/x86_64-linux-gnu/atlas"}; !reflect.DeepEqual(u.libraries, want) {
		t.Errorf("the loader needs %q, want %q", u.libraries, want)
	}
}

// TestLayerIsReproducible packs one tar twice.
func TestLayerIsReproducible(t *testing.T) {
	t.Parallel()
	text := tarOf(t, plain("a", strings.Repeat("abc", 1<<20)))
	w, err := newLayoutWriter(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	fill := func(to io.Writer) error { _, err := to.Write(text); return err }
	one, id, err := w.layer(fill)
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := w.layer(fill)
	if err != nil || !reflect.DeepEqual(one, two) || one.MediaType != types.OCILayerZStd {
		t.Errorf("%v and %v, %v", one, two, err)
	}
	if want, _ := pack(t, types.OCIUncompressedLayer, text).DiffID(); id != want {
		t.Errorf("diff ID %s, want %s", id, want)
	}
}

package image

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// TestLayersMerge lays an image of three layers out and holds it to what overlay would
// show: later layers replace, hide, make opaque, and go through the symlinks of earlier.
func TestLayersMerge(t *testing.T) {
	t.Parallel()
	base := layerOf(t,
		dir("usr/"), dir("usr/lib"), symlink("lib", "usr/lib"), plain("usr/lib/a.so", "a"), plain("usr/lib/gone.so", ""),
		dir("etc"), plain("etc/old", "old"), plain("etc/kept", "kept"),
		dir("var"), dir("var/cache"), plain("var/cache/x", "x"), plain("./implied/deep/file", "i"),
		plain("dir-to-file/inside", "gone"), plain("file-to-dir", "gone"),
		hardlink("usr/lib/b.so", "usr/lib/a.so"), symlink("abs", "/usr/lib"))
	second := layerOf(t,
		plain("lib/c.so", "c"), plain("abs/d.so", "d"), plain("etc/.wh.old", ""), plain("etc/new", "new"),
		plain("var/cache/mine", "mine"), plain("var/cache/.wh..wh..opq", ""),
		plain("dir-to-file", "file"), dir("file-to-dir"), plain("file-to-dir/y", "y"),
		hardlink("copy", "etc/kept"))
	third := layerOf(t, plain(".wh.implied", ""), plain("lib/.wh.gone.so", ""), plain("etc/.wh.absent", ""), plain(".wh..wh.plnk", ""), plain("/rooted", "r"))
	s := open(t, Config{})
	r := unpack(t, s, os.DirFS(layoutOf(t, imageOf(t, v1.Config{}, base, second, third))))
	want := map[string]string{
		"usr/": "", "usr/lib/": "", "lib": "usr/lib", "abs": "/usr/lib",
		"usr/lib/a.so": "a", "usr/lib/b.so": "a", "usr/lib/c.so": "c", "usr/lib/d.so": "d",
		"etc/": "", "etc/kept": "kept", "etc/new": "new", "copy": "kept",
		"var/": "", "var/cache/": "", "var/cache/mine": "mine",
		"dir-to-file": "file", "file-to-dir/": "", "file-to-dir/y": "y", "rooted": "r",
	}
	if got := listing(t, r.Path); !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, p := range MountPoints() {
		if st, err := os.Lstat(filepath.Join(r.Path, p)); err != nil || !st.IsDir() {
			t.Errorf("mount point %s: %v", p, err)
		}
	}
}

// TestPackings unpacks every kind of layer and manifest that is in use.
func TestPackings(t *testing.T) {
	t.Parallel()
	for _, mt := range []types.MediaType{types.OCIUncompressedLayer, types.OCILayer, types.OCILayerZStd,
		types.DockerLayer, types.DockerUncompressedLayer, types.DockerForeignLayer} {
		layer := pack(t, mt, tarOf(t, plain("hello", string(mt))))
		for _, manifest := range []types.MediaType{types.OCIManifestSchema1, types.DockerManifestSchema2} {
			img := mutate.MediaType(imageOf(t, v1.Config{}, layer), manifest)
			if manifest == types.DockerManifestSchema2 {
				img = mutate.ConfigMediaType(img, types.DockerConfigJSON)
			}
			r := unpack(t, open(t, Config{}), os.DirFS(layoutOf(t, img)))
			if got := listing(t, r.Path); got["hello"] != string(mt) {
				t.Errorf("%s in %s: %v", mt, manifest, got)
			}
		}
	}
}

// TestPlatform takes this machine's image out of many, in an index within the index.
func TestPlatform(t *testing.T) {
	t.Parallel()
	other := func(system, arch string) v1.Image {
		img, err := mutate.ConfigFile(imageOf(t, v1.Config{}, layerOf(t, plain("who", system+arch))), &v1.ConfigFile{OS: system, Architecture: arch})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	mine := imageOf(t, v1.Config{}, layerOf(t, plain("who", "me")))
	add := func(img v1.Image, system, arch string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: system, Architecture: arch}}}
	}
	all := mutate.AppendManifests(empty.Index, add(other("windows", runtime.GOARCH), "windows", runtime.GOARCH),
		add(other("linux", "s390x"), "linux", "s390x"), add(other("unknown", "unknown"), "unknown", "unknown"),
		add(mine, "linux", runtime.GOARCH))
	dir := filepath.Join(t.TempDir(), "layout")
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: all})); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{})
	r := unpack(t, s, os.DirFS(dir))
	if got := listing(t, r.Path); got["who"] != "me" {
		t.Errorf("got the image of %v", got)
	}
	var bad *BadImageError
	_, err := s.Unpack(t.Context(), os.DirFS(layoutOf(t, other("linux", "s390x"))))
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "linux/s390x") {
		t.Errorf("another platform's image: %v", err)
	}
}

// TestJobsCannotChangeSharedFiles looks at what a job would have to get past: no file of
// a root has a write bit or changes who runs it, and the store is closed to other users.
func TestJobsCannotChangeSharedFiles(t *testing.T) {
	t.Parallel()
	suid := plain("bin/su", "su")
	suid.Mode = 0o6777
	tmp := dir("tmp")
	tmp.Mode = 0o1777
	closed := plain("secret", "s")
	closed.Mode = 0
	base := layerOf(t, suid, tmp, closed)
	s := open(t, Config{})
	one := unpack(t, s, os.DirFS(layoutOf(t, imageOf(t, v1.Config{}, base))))
	two := unpack(t, s, os.DirFS(layoutOf(t, imageOf(t, v1.Config{}, base, layerOf(t, plain("more", ""))))))
	for name, mode := range map[string]os.FileMode{"bin/su": 0o555, "secret": 0o400, "tmp": os.ModeDir | 0o755} {
		a, err := os.Lstat(filepath.Join(one.Path, name))
		if err != nil {
			t.Fatal(err)
		}
		if a.Mode() != mode {
			t.Errorf("%s has the mode %v, want %v", name, a.Mode(), mode)
		}
		b, err := os.Lstat(filepath.Join(two.Path, name))
		if err != nil {
			t.Fatal(err)
		}
		if a.Mode().IsRegular() && !os.SameFile(a, b) {
			t.Errorf("%s takes its space twice", name)
		}
	}
	if st, err := os.Stat(s.cfg.Dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the store's directory: %v, %v", st.Mode(), err)
	}
}

// TestTimesStay keeps modification times: Python and fontconfig compare them.
func TestTimesStay(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_500_000_000, 0)
	f, d := plain("d/f", "x"), dir("d")
	f.ModTime, d.ModTime = at, at
	r := unpack(t, open(t, Config{}), simple(t, d, f))
	for _, name := range []string{"d", "d/f"} {
		if st, err := os.Stat(filepath.Join(r.Path, name)); err != nil || !st.ModTime().Equal(at) {
			t.Errorf("%s: %v, %v", name, st.ModTime(), err)
		}
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	passwd := plain("usr/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbroken\nx:y:-1:0:::\napp:x:1000:1001:App:/home/app:/bin/sh\n")
	base := layerOf(t, passwd, symlink("etc", "/usr/etc"), plain("usr/etc/group", "staff:x:50:app\n"))
	for _, c := range []struct {
		user     string
		uid, gid uint32
		home     string
		err      string
	}{
		{"", 0, 0, "/root", ""},
		{"app", 1000, 1001, "/home/app", ""},
		{"1000", 1000, 1001, "/home/app", ""},
		{"app:staff", 1000, 50, "/home/app", ""},
		{"7:8", 7, 8, "/", ""},
		{"nobody", 0, 0, "", `user "nobody" is not in`},
		{"app:nobody", 0, 0, "", `group "nobody" is not in`},
	} {
		img := imageOf(t, v1.Config{User: c.user, Entrypoint: []string{"/bin/app"}, Cmd: []string{"--help"},
			Env: []string{"A=1", "junk", "B=2"}, WorkingDir: "/srv/new"}, base)
		r, err := open(t, Config{}).Unpack(t.Context(), os.DirFS(layoutOf(t, img)))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("user %q: %v", c.user, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		want := Program{Entrypoint: []string{"/bin/app"}, Cmd: []string{"--help"}, WorkDir: "/srv/new", User: c.user, UID: c.uid, GID: c.gid,
			Env: []string{"PATH=" + DefaultPath, "HOME=" + c.home, "A=1", "B=2"}}
		if !reflect.DeepEqual(r.Program, want) {
			t.Errorf("user %q:\ngot  %+v\nwant %+v", c.user, r.Program, want)
		}
		if st, err := os.Stat(filepath.Join(r.Path, "srv/new")); err != nil || !st.IsDir() {
			t.Errorf("the working directory is not there: %v", err)
		}
		argv, err := r.Program.Argv([]string{"run"})
		if err != nil || !reflect.DeepEqual(argv, []string{"/bin/app", "run"}) {
			t.Errorf("with arguments it runs %q, %v", argv, err)
		}
		if argv, _ = r.Program.Argv(nil); !reflect.DeepEqual(argv, []string{"/bin/app", "--help"}) {
			t.Errorf("without arguments it runs %q", argv)
		}
		if env := r.Program.Environ([]string{"A=9", "C=3"}); !reflect.DeepEqual(env[2:], []string{"A=9", "B=2", "C=3"}) {
			t.Errorf("environment %q", env)
		}
	}
}

// TestRandomImages unpacks what the registry library makes up, after a restart too.
func TestRandomImages(t *testing.T) {
	t.Parallel()
	img, err := random.Image(100<<10, 5)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", runtime.GOARCH
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	l := os.DirFS(layoutOf(t, img))
	s := open(t, Config{})
	r := unpack(t, s, l)
	before := listing(t, r.Path)
	if len(before) != 5 {
		t.Errorf("%d files of 5 layers", len(before))
	}
	again := open(t, Config{Dir: s.cfg.Dir})
	known, ok := again.Root(r.Digest)
	if !ok {
		t.Fatal("after a restart the root is not known")
	}
	defer known.Release()
	if after := listing(t, known.Path); !maps.Equal(before, after) {
		t.Errorf("after a restart it has %d files", len(after))
	}
	if again.Bytes() != s.Bytes() {
		t.Errorf("after a restart it counts %d bytes, before %d", again.Bytes(), s.Bytes())
	}
}

// TestUnpackOnce asks for one image from many goroutines.
func TestUnpackOnce(t *testing.T) {
	t.Parallel()
	l := simple(t, plain("file", strings.Repeat("x", 1<<20)))
	s := open(t, Config{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			r, err := s.Unpack(t.Context(), l)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Release()
			if got := listing(t, r.Path); len(got["file"]) != 1<<20 {
				t.Error("the file is not whole")
			}
		})
	}
	wg.Wait()
	if n := s.Bytes(); n > 2<<20 {
		t.Errorf("%d bytes are counted for 1 MiB", n)
	}
	for sub, want := range map[string]int{layersDir: 1, rootsDir: 1, tmpDir: 0} {
		if e, err := os.ReadDir(s.path(sub)); err != nil || len(e) != want {
			t.Errorf("%s: %d entries, want %d, %v", sub, len(e), want, err)
		}
	}
}

// TestEviction keeps to its disk, never at the cost of a root in use.
func TestEviction(t *testing.T) {
	t.Parallel()
	shared := layerOf(t, plain("base", strings.Repeat("b", 1<<20)))
	images := make([]string, 4)
	for i := range images {
		images[i] = layoutOf(t, imageOf(t, v1.Config{}, shared, layerOf(t, plain("own", fmt.Sprint(i)+strings.Repeat("o", 1<<20)))))
	}
	s := open(t, Config{MaxBytes: 3<<20 + 400<<10})
	first := unpack(t, s, os.DirFS(images[0]))
	second, err := s.Unpack(t.Context(), os.DirFS(images[1]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unpack(t.Context(), os.DirFS(images[2])); !errors.Is(err, ErrFull) {
		t.Errorf("a third image of 1 MiB more while both are in use: %v", err)
	}
	second.Release()
	second.Release()
	third, err := s.Unpack(t.Context(), os.DirFS(images[2]))
	if err != nil {
		t.Fatal(err)
	}
	defer third.Release()
	if _, ok := s.Root(second.Digest); ok {
		t.Error("the root that nobody uses was kept")
	}
	if _, err := os.Stat(second.Path); err == nil {
		t.Error("the evicted root is still on disk")
	}
	for _, r := range []*Root{first, third} {
		if got := listing(t, r.Path); len(got["own"]) != 1<<20+1 || len(got["base"]) != 1<<20 {
			t.Errorf("a root in use lost files")
		}
	}
	if n := s.Bytes(); n > s.cfg.MaxBytes {
		t.Errorf("%d bytes of %d", n, s.cfg.MaxBytes)
	}
}

// TestInterruptedUnpack ends an unpack in its middle: nothing of it is used, and the next
// Open sweeps what a crash would have left.
func TestInterruptedUnpack(t *testing.T) {
	t.Parallel()
	l := simple(t, plain("a", "a"), plain("b", strings.Repeat("b", 1<<20)))
	s := open(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Unpack(ctx, l); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if s.Bytes() != 0 {
		t.Errorf("%d bytes are still counted", s.Bytes())
	}
	left := s.path(tmpDir, "root-1", "rootfs", "x")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	r := unpack(t, s, l)
	if err := os.Remove(s.path(layersDir, "..", rootsDir, strings.TrimPrefix(r.Digest, "sha256:"), recordName)); err != nil {
		t.Fatal(err)
	}
	again := open(t, Config{Dir: s.cfg.Dir})
	if _, ok := again.Root(r.Digest); ok {
		t.Error("a root without its record is used")
	}
	if e, err := os.ReadDir(again.path(tmpDir)); err != nil || len(e) > 0 {
		t.Errorf("tmp has %d entries, %v", len(e), err)
	}
	if got := listing(t, unpack(t, again, l).Path); got["a"] != "a" {
		t.Errorf("unpacked again it is %v", got)
	}
}

// TestFilesAreALayout unpacks blobs that lie apart, as they do once they were fetched
// one by one.
func TestFilesAreALayout(t *testing.T) {
	t.Parallel()
	at := layoutOf(t, imageOf(t, v1.Config{}, layerOf(t, plain("hello", "world"))))
	files := Files{}
	err := filepath.WalkDir(at, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(at, path)
		if err != nil {
			return err
		}
		apart := filepath.Join(t.TempDir(), "blob")
		files[filepath.ToSlash(name)] = apart
		return os.Rename(path, apart)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := listing(t, unpack(t, open(t, Config{}), files).Path); got["hello"] != "world" {
		t.Errorf("got %v", got)
	}
}

// TestPowerCut believes after the system's fall only what was on the medium before it.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	r := unpack(t, s, simple(t, plain("a", "a")))
	fall := func() *Store { // the same directory on a system that was started again
		entries, err := filepath.Glob(s.path("*", "*", recordName))
		if err != nil || len(entries) != 2 {
			t.Fatal(entries, err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(e)
			if err != nil {
				t.Fatal(err)
			}
			b = []byte(strings.ReplaceAll(string(b), s.sync.boot, "before"))
			if err := os.WriteFile(e, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return open(t, Config{Dir: s.cfg.Dir})
	}
	again := fall()
	if _, ok := again.Root(r.Digest); ok || again.Bytes() != 0 {
		t.Errorf("what was never synced is believed, with %d bytes", again.Bytes())
	}
	s = again
	r = unpack(t, s, simple(t, plain("a", "a")))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); ; {
		if marks, _ := filepath.Glob(s.path("*", "*", syncedName)); len(marks) == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was synced for a minute")
		}
		runtime.Gosched()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	kept, ok := fall().Root(r.Digest)
	if !ok {
		t.Fatal("what was synced is not believed")
	}
	kept.Release()
}

package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDebianPackages builds an image of packages and runs programs of it in its root: one
// finds its libraries, another is there only by an alternative, and the licences are too.
func TestDebianPackages(t *testing.T) {
	t.Parallel()
	needsApt(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root to run programs in the image's root: run it as root")
	}
	l := OpenLibrary(t.TempDir())
	img, err := l.Build(t.Context(), "tools", Recipe{Packages: []string{"hello", "mawk"}, Dir: makeTree(t, map[string]string{"etc/mine": "mine"}),
		Entrypoint: []string{"hello"}})
	if err != nil {
		t.Fatal(err)
	}
	if label := img.Config.Labels["rerig.debian"]; !strings.Contains(label, "hello=") || !strings.Contains(label, "libc6=") {
		t.Errorf("it is labelled %q", label)
	}
	root := unpack(t, open(t, Config{}), os.DirFS(img.Dir))
	got := listing(t, root.Path)
	if got["usr/share/doc/hello/copyright"] == "" || got["usr/share/man/man1/hello.1.gz"] != "" || got["lib"] != "usr/lib" || got["etc/mine"] != "mine" {
		t.Errorf("licences, manuals, links or own files are not as they should be in %d files", len(got))
	}
	for command, want := range map[string]string{"hello -g works": "works", "awk BEGIN{print(6*7)}": "42"} {
		argv := strings.SplitN(command, " ", 2)
		cmd := exec.CommandContext(t.Context(), "/usr/bin/"+argv[0], strings.Fields(argv[1])...)
		cmd.Env, cmd.Dir, cmd.SysProcAttr = root.Program.Env, "/", &syscall.SysProcAttr{Chroot: root.Path}
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s: %q, %v", command, out, err)
		}
	}
}

func needsApt(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: packages are those of the machine's own sources; run it on Debian or Ubuntu", tool)
		}
	}
}

// TestPackagesAreKept builds again with another directory: the packages are not fetched
// again, and the image is the one that a library gives that never saw them. When the image
// that had the layers is gone, they are.
func TestPackagesAreKept(t *testing.T) {
	t.Parallel()
	needsApt(t)
	l, said := OpenLibrary(t.TempDir()), ""
	l.Progress = func(line string) { said += line + "\n" }
	build := func(l *Library, name, file string) *Image {
		said = ""
		img, err := l.Build(t.Context(), name, Recipe{Packages: []string{"hello", "mawk"}, Dir: makeTree(t, map[string]string{file: file})})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	fetched := func() bool { return strings.Contains(said, "fetching") }
	if build(l, "one", "a"); !fetched() {
		t.Errorf("the first image says %q", said)
	}
	two := build(l, "two", "b")
	if fetched() {
		t.Errorf("the second image says %q", said)
	}
	if other := build(OpenLibrary(t.TempDir()), "two", "b"); other.Digest != two.Digest {
		t.Error("kept layers give another image")
	}
	if unpack(t, open(t, Config{}), os.DirFS(two.Dir)).Program.Env == nil {
		t.Error("it has no environment")
	}
	for _, name := range []string{"one", "two"} {
		if err := l.Remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if build(l, "three", "b"); !fetched() {
		t.Errorf("without the layers it says %q", said)
	}
	if records, err := os.ReadDir(filepath.Join(l.dir, packedDir)); err != nil || len(records) != 1 {
		t.Errorf("%d sets of packages are recorded, %v", len(records), err)
	}
}

// TestSuite builds an image of another suite than the machine's: its packages are that suite's,
// and what is no suite is refused.
func TestSuite(t *testing.T) {
	t.Parallel()
	needsApt(t)
	l := OpenLibrary(t.TempDir())
	build := func(suite string) (*Image, error) {
		return l.Build(t.Context(), "libc", Recipe{Packages: []string{"hello"}, Suite: suite})
	}
	img, err := build("trixie")
	if err != nil {
		t.Fatal(err)
	}
	if label := img.Config.Labels["rerig.debian"]; !strings.Contains(label, "libc6=2.41-") {
		t.Errorf("it has %q", label)
	}
	for _, none := range []string{"no-such-suite", "Sid", "../sid", "sid main"} {
		if _, err := build(none); err == nil || !strings.Contains(err.Error(), "suite "+none) {
			t.Errorf("suite %q: %v", none, err)
		}
	}
	if _, err := l.Build(t.Context(), "none", Recipe{Dir: t.TempDir(), Suite: "sid"}); err == nil {
		t.Error("a suite without packages is taken")
	}
}

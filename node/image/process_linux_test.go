package image

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// xattrs is how many bytes the names of a file's extended attributes have.
func xattrs(path string) (int, error) { return unix.Llistxattr(path, nil) }

// TestWithoutRoot plays the other tests as a user who may give files to nobody.
func TestWithoutRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else; without root the other tests are this one")
	}
	dir, err := os.MkdirTemp("", "image-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(dir, "image.test")
	copyFile(t, os.Args[0], self)
	cmd := exec.CommandContext(t.Context(), self, "-test.run", "TestLayersMerge|TestJobs|TestOwners|TestEviction|TestHostileTars", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestOwners gives files to the image's users when this process may.
func TestOwners(t *testing.T) {
	t.Parallel()
	f, d := plain("home/me/file", "x"), dir("home/me")
	f.Uid, f.Gid, d.Uid, d.Gid = 1234, 5678, 1234, 5678
	r := unpack(t, open(t, Config{}), simple(t, d, f))
	for _, name := range []string{"home/me", "home/me/file"} {
		st, err := os.Lstat(filepath.Join(r.Path, name))
		if err != nil {
			t.Fatal(err)
		}
		want := [2]uint32{uint32(os.Geteuid()), uint32(os.Getegid())}
		if os.Geteuid() == 0 {
			want = [2]uint32{1234, 5678}
		}
		if sys := st.Sys().(*syscall.Stat_t); [2]uint32{sys.Uid, sys.Gid} != want {
			t.Errorf("%s belongs to %d:%d, want %v", name, sys.Uid, sys.Gid, want)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestKilledUnpack kills a process that unpacks and evicts, at any moment: what the next
// one believes is whole, and nothing else is left.
func TestKilledUnpack(t *testing.T) {
	t.Parallel()
	var files []file
	for i := range 300 {
		files = append(files, plain(fmt.Sprintf("d%d/f%d", i%7, i), strings.Repeat("x", 1000)))
	}
	img := imageOf(t, v1.Config{}, layerOf(t, files...), layerOf(t, plain("top", "t")))
	layout, dir := layoutOf(t, img), t.TempDir()
	whole := listing(t, unpack(t, open(t, Config{}), os.DirFS(layout)).Path)
	id, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		ctx, kill := context.WithTimeout(t.Context(), time.Duration(i*7)*time.Millisecond+time.Second)
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), unpackEnv+"="+dir+"\n"+layout)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, err = out.Read(make([]byte, 1)) // it has begun
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(i*7)*time.Millisecond, kill)
		_ = cmd.Wait() // killed, as it should be
		s := open(t, Config{Dir: dir})
		if r, ok := s.Root(id.String()); ok {
			if got := listing(t, r.Path); !maps.Equal(got, whole) {
				t.Errorf("after kill %d a root of %d files is believed, of %d", i, len(got), len(whole))
			}
			r.Release()
		}
		if e, err := os.ReadDir(s.path(tmpDir)); err != nil || len(e) > 0 {
			t.Errorf("after kill %d tmp has %d entries, %v", i, len(e), err)
		}
		r := unpack(t, s, os.DirFS(layout))
		if got := listing(t, r.Path); !maps.Equal(got, whole) {
			t.Errorf("after kill %d it unpacks to %d files of %d", i, len(got), len(whole))
		}
		r.Release()
	}
}

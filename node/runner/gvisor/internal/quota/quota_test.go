//go:build linux

package quota

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	maxBytes = 1 << 20
	maxFiles = 8
)

// covered is a directory under a quota, as one test's thread sees it; its own path shows what
// the host has in it.
type covered struct {
	*Directory
	host, dir string
	mu        sync.Mutex
	said      []bool // whether it was a file that there was no room for
}

// cover mounts where only the test's own thread sees it, so that nothing is left of it.
func cover(t testing.TB) *covered { return coverOn(t, 0) }

// coverOn is cover on a disk of so many bytes; 0 for any.
func coverOn(t testing.TB, disk int) *covered {
	t.Helper()
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("needs /dev/fuse: run the tests as root on a kernel with FUSE (%v)", err)
	} else {
		f.Close()
	}
	runtime.LockOSThread() // it ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		t.Skipf("needs a mount namespace: run the tests as root (%v)", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		t.Fatal(err)
	}
	c := &covered{dir: t.TempDir(), host: t.TempDir()}
	if disk > 0 {
		if err := unix.Mount("tmpfs", c.dir, "tmpfs", 0, fmt.Sprintf("size=%d", disk)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(c.dir, 0); err != nil {
				t.Error(err)
			}
		})
	}
	if err := unix.Mount(c.dir, c.host, "", unix.MS_BIND, ""); err != nil { // without what covers it
		t.Fatal(err)
	}
	var err error
	c.Directory, err = Mount(c.dir, maxBytes, maxFiles, func(files bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.said = append(c.said, files)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unix.Unmount(c.host, 0), c.Close()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *covered) path(name string) string { return filepath.Join(c.dir, name) }

// refused is what there was no room for since the last call.
func (c *covered) refused() []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.said
	c.said = nil
	return said
}

// full checks that a step was refused, and that this was told.
func (c *covered) full(t *testing.T, err error, files bool) {
	t.Helper()
	if said := c.refused(); !errors.Is(err, unix.ENOSPC) || !slices.Contains(said, files) {
		t.Errorf("got %v and told of %v, want that there is no space and %v told of", err, said, files)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBytes(t *testing.T) {
	c := cover(t)
	f, err := os.Create(c.path("a"))
	must(t, err)
	defer f.Close()
	_, err = f.Write(make([]byte, maxBytes-1))
	must(t, err)
	_, err = f.Write(make([]byte, 2))
	c.full(t, err, false)
	_, err = f.WriteAt([]byte{1}, maxBytes-1)
	must(t, err) // the last byte of all
	_, err = f.WriteAt([]byte{1, 2}, 0)
	must(t, err) // what it has already
	c.full(t, os.WriteFile(c.path("b"), []byte{1}, 0o600), false)
	must(t, f.Truncate(10))
	must(t, os.WriteFile(c.path("b"), make([]byte, maxBytes-10), 0o600))
	c.full(t, f.Truncate(11), false)
	c.full(t, os.Truncate(c.path("a"), 1<<40), false)
	must(t, os.Remove(c.path("b")))
	must(t, f.Truncate(maxBytes)) // sparse, and full
	c.full(t, os.WriteFile(c.path("b"), []byte{1}, 0o600), false)
	if err := unix.Fallocate(int(f.Fd()), 0, 0, 1); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("fallocate says %v", err)
	}
	if info, err := os.Stat(filepath.Join(c.host, "a")); err != nil || info.Size() != maxBytes {
		t.Errorf("the host has %v, %v", info, err)
	}
}

// TestNamelessFiles checks that a file which was removed counts as long as it is open.
func TestNamelessFiles(t *testing.T) {
	c := cover(t)
	for range maxFiles + 2 {
		f, err := os.Create(c.path("a"))
		must(t, err)
		_, err = f.Write(make([]byte, maxBytes/2+1))
		must(t, err)
		must(t, os.Remove(c.path("a")))
		_, err = f.Write(make([]byte, maxBytes/4))
		must(t, err)
		c.full(t, os.WriteFile(c.path("b"), make([]byte, maxBytes/2), 0o600), false)
		must(t, os.Remove(c.path("b")))
		must(t, f.Close())
	}
	// One that is replaced, too.
	f, err := os.Create(c.path("a"))
	must(t, err)
	_, err = f.Write(make([]byte, maxBytes))
	must(t, err)
	must(t, os.WriteFile(c.path("b"), nil, 0o600))
	must(t, os.Rename(c.path("b"), c.path("a")))
	c.full(t, os.WriteFile(c.path("a"), []byte{1}, 0o600), false)
	must(t, f.Close())
	must(t, os.WriteFile(c.path("a"), make([]byte, maxBytes), 0o600))
}

// TestFileInUse checks that a file which was removed counts as long as somebody has hold of it,
// though nobody has it open.
func TestFileInUse(t *testing.T) {
	c := cover(t)
	must(t, os.WriteFile(c.path("a"), make([]byte, maxBytes/2+1), 0o600))
	held, err := unix.Open(c.path("a"), unix.O_PATH|unix.O_CLOEXEC, 0)
	must(t, err)
	must(t, os.Remove(c.path("a")))
	c.full(t, os.WriteFile(c.path("b"), make([]byte, maxBytes/2), 0o600), false)
	f, err := os.OpenFile(proc(held), os.O_RDWR, 0) // and can be used again
	must(t, err)
	defer f.Close()
	must(t, os.Remove(c.path("b")))
	_, err = f.WriteAt(make([]byte, maxBytes/2), maxBytes/2)
	must(t, err)
	_, err = f.WriteAt([]byte{1}, maxBytes)
	c.full(t, err, false)
	must(t, errors.Join(f.Close(), unix.Close(held)))
	must(t, os.WriteFile(c.path("b"), make([]byte, maxBytes), 0o600))
}

// TestFullDisk checks that a write for which the disk has no room counts for nothing.
func TestFullDisk(t *testing.T) {
	c := coverOn(t, maxBytes/4)
	f, err := os.Create(c.path("a"))
	must(t, err)
	defer f.Close()
	must(t, os.WriteFile(c.path("b"), make([]byte, maxBytes/4-8192), 0o600))
	for range 4 {
		if n, err := f.WriteAt(make([]byte, 64<<10), maxBytes/2); !errors.Is(err, unix.ENOSPC) && err == nil {
			t.Fatalf("a full disk took %d bytes", n)
		}
	}
	must(t, f.Truncate(0)) // of what it took in part
	must(t, os.Remove(c.path("b")))
	must(t, f.Truncate(maxBytes)) // sparse
	if said := c.refused(); len(said) > 0 {
		t.Errorf("the directory was told to be full %d times", len(said))
	}
}

func TestFiles(t *testing.T) {
	c := cover(t)
	must(t, os.Mkdir(c.path("d"), 0o700))
	must(t, os.Symlink("nowhere", c.path("s")))
	must(t, os.WriteFile(c.path("d/f"), []byte("f"), 0o640))
	must(t, os.Link(c.path("d/f"), c.path("l")))
	must(t, unix.Mkfifo(c.path("p"), 0o600))
	for i := range maxFiles - 5 {
		must(t, os.WriteFile(c.path(fmt.Sprint(i)), nil, 0o600))
	}
	x := c.path("x")
	c.full(t, os.Mkdir(x, 0o700), true)
	c.full(t, os.Symlink("x", x), true)
	c.full(t, os.Link(c.path("l"), x), true)
	c.full(t, os.WriteFile(x, nil, 0o600), true)
	c.full(t, unix.Mkfifo(x, 0o600), true)
	if err := unix.Mknod(c.path("x"), unix.S_IFCHR|0o600, 0x103); !errors.Is(err, unix.EPERM) {
		t.Errorf("a device: %v", err)
	}
	if err := os.Remove(c.path("d")); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("a directory with a file: %v", err)
	}
	must(t, os.RemoveAll(c.path("d")))
	must(t, os.WriteFile(c.path("x"), nil, 0o600))
	must(t, os.WriteFile(c.path("y"), nil, 0o600))
	c.full(t, os.WriteFile(c.path("z"), nil, 0o600), true)
	if b, err := os.ReadFile(c.path("l")); err != nil || string(b) != "f" {
		t.Errorf("a file that lost its first name holds %q, %v", b, err)
	}
	if to, err := os.Readlink(c.path("s")); err != nil || to != "nowhere" {
		t.Errorf("a link leads to %q, %v", to, err)
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil || len(entries) != maxFiles {
		t.Errorf("listed %v, %v", entries, err)
	}
	for _, e := range entries { // each can be removed, and a full directory is empty again
		must(t, os.Remove(c.path(e.Name())))
	}
	var s unix.Statfs_t
	for end := time.Now().Add(30 * time.Second); ; runtime.Gosched() { // the kernel forgets them later
		must(t, unix.Statfs(c.dir, &s))
		if s.Ffree == maxFiles && s.Bfree*uint64(s.Bsize) == maxBytes {
			break
		} else if time.Now().After(end) {
			t.Fatalf("an empty directory has room for %d files and %d blocks", s.Ffree, s.Bfree)
		}
	}
}

// TestAttributes checks what programs want of a directory beside bytes.
func TestAttributes(t *testing.T) {
	c := cover(t)
	old := unix.Umask(0)
	defer unix.Umask(old)
	f, err := os.OpenFile(c.path("f"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	must(t, err)
	defer f.Close()
	for _, s := range []string{"one ", "two ", "three"} {
		_, err := f.WriteString(s)
		must(t, err)
	}
	must(t, f.Sync())
	must(t, os.Chown(c.path("f"), 1000, 1001))
	must(t, os.Chmod(c.path("f"), 0o604))
	when := unix.Timespec{Sec: 1_000_000}
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, c.path("f"), []unix.Timespec{when, when}, 0))
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(c.host, "f"), &st))
	if st.Uid != 1000 || st.Gid != 1001 || st.Mode != unix.S_IFREG|0o604 || st.Mtim.Sec != when.Sec || st.Size != 13 {
		t.Errorf("the host has %+v", st)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, 13, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(t, err)
	copy(mapped, "1")
	must(t, unix.Munmap(mapped))
	must(t, os.Mkdir(c.path("d"), 0o777))
	must(t, os.Rename(c.path("f"), c.path("d/g")))
	if b, err := os.ReadFile(filepath.Join(c.host, "d/g")); err != nil || string(b) != "1ne two three" {
		t.Errorf("the host has %q, %v", b, err)
	}
	if info, err := os.Stat(filepath.Join(c.host, "d")); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("the host has %v, %v", info, err)
	}
	must(t, os.WriteFile(c.path("d/g"), []byte("short"), 0))
	if b, err := os.ReadFile(c.path("d/g")); err != nil || string(b) != "short" {
		t.Errorf("cut off and written again it is %q, %v", b, err)
	}
}

// TestNoProgramInheritsTheMount checks what a program that is started has of it.
func TestNoProgramInheritsTheMount(t *testing.T) {
	cover(t)
	out, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte(device)) {
		t.Errorf("a program has %s, %v", out, err)
	}
}

// TestManyWriters has many write at once, and looks at every moment's sum from outside.
func TestManyWriters(t *testing.T) {
	c := cover(t)
	var writers sync.WaitGroup
	refused := make(chan error, maxFiles)
	files := make([]*os.File, maxFiles)
	for i := range files {
		var err error
		files[i], err = os.Create(c.path(fmt.Sprint(i)))
		must(t, err)
	}
	for _, f := range files {
		writers.Go(func() { // through the open file: the mount is another thread's
			for {
				if _, err := f.Write(make([]byte, 3000)); err != nil {
					refused <- err
					return
				}
			}
		})
	}
	writers.Wait()
	close(refused)
	for err := range refused {
		if !errors.Is(err, unix.ENOSPC) {
			t.Error(err)
		}
	}
	var sum int64
	must(t, filepath.WalkDir(c.host, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			info, err := e.Info()
			must(t, err)
			sum += info.Size()
		}
		return err
	}))
	if sum > maxBytes || sum < maxBytes-maxFiles*3000 {
		t.Errorf("%d bytes were written, of at most %d", sum, maxBytes)
	}
	for _, f := range files {
		must(t, f.Close())
	}
}

// TestWhatWasThere checks that what a directory holds already counts.
func TestWhatWasThere(t *testing.T) {
	d := &Directory{}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "d/f"), bytes.Repeat([]byte("x"), 100), 0o600))
	if err := d.count(dir); err != nil || d.bytes != 100 || d.files != 2 {
		t.Errorf("%d bytes in %d files, %v", d.bytes, d.files, err)
	}
}

// BenchmarkChurn opens, writes, reads and closes a small file, as bench's loop of files does.
func BenchmarkChurn(b *testing.B) {
	c := cover(b)
	text := make([]byte, 100)
	for b.Loop() {
		f, err := os.OpenFile(c.path("churn"), os.O_CREATE|os.O_RDWR, 0o600)
		must(b, err)
		_, err = f.Write(text)
		must(b, err)
		_, err = f.ReadAt(text, 0)
		must(b, errors.Join(err, f.Close()))
	}
}

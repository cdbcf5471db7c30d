package artifact

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	has, asks := startNode(t, Config{}), startNode(t, Config{Dir: dir})
	t.Cleanup(asks.stop)
	connect(t, has.host, asks.host)
	c := addBytes(t, has.Store, noise(6<<20, 1))
	if err := has.Publish(c); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Fetch(t.Context(), c, 6<<20, From(has.host.ID())); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Fetch on a full disk: %v", err)
	}
	if _, err := asks.AddBytes(t.Context(), noise(6<<20, 2)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("AddBytes on a full disk: %v", err)
	}
	small := addBytes(t, has.Store, []byte("small"))
	if err := has.Publish(small); err != nil {
		t.Fatal(err)
	}
	if err := asks.Remove(c); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Fetch(t.Context(), small, 100, From(has.host.ID())); err != nil {
		t.Errorf("the store did not recover: %v", err)
	}
}

// TestDiskFilledByOthers: where the disk has less room than the store may take, what
// nobody uses goes, and what a job has pinned stays.
func TestDiskFilledByOthers(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	has, asks := startNode(t, Config{}), startNode(t, Config{Dir: filepath.Join(dir, "store")})
	t.Cleanup(asks.stop)
	connect(t, has.host, asks.host)
	fetch := func(seed byte) (string, error) {
		c := addBytes(t, has.Store, noise(2<<20, seed))
		if err := has.Publish(c); err != nil {
			t.Fatal(err)
		}
		_, err := asks.Fetch(t.Context(), c, 2<<20, From(has.host.ID()))
		return c, err
	}
	pinned, err := fetch(1)
	if err != nil {
		t.Fatal(err)
	}
	unpin := asks.Pin(pinned)
	idle, err := fetch(2)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "others"), noise(3<<20, 3))
	if _, err := fetch(4); err != nil {
		t.Fatalf("there was something to evict: %v", err)
	}
	if asks.Has(idle) || !asks.Has(pinned) {
		t.Errorf("idle kept: %v, pinned kept: %v", asks.Has(idle), asks.Has(pinned))
	}
	writeFile(t, filepath.Join(dir, "more"), noise(1<<19, 5))
	if _, err := fetch(6); err != nil {
		t.Fatal(err)
	}
	big := addBytes(t, has.Store, noise(4<<20, 7))
	if err := has.Publish(big); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Fetch(t.Context(), big, 4<<20, From(has.host.ID())); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("with nothing left to evict: %v, want ENOSPC", err)
	}
	unpin()
	if _, err := asks.Fetch(t.Context(), big, 4<<20, From(has.host.ID())); err != nil {
		t.Errorf("when the job is over: %v", err)
	}
}

func TestAddDirRefusesPipe(t *testing.T) {
	s, dir := startNode(t, Config{}), t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.AddDir(t.Context(), dir, 1000, 3); err == nil || !strings.Contains(err.Error(), "pipe is a named pipe") {
		t.Errorf("got %v", err)
	}
}

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

func TestAddDirRefusesPipe(t *testing.T) {
	s, dir := startNode(t, Config{}), t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.AddDir(t.Context(), dir, 1000, 3); err == nil || !strings.Contains(err.Error(), "pipe is a named pipe") {
		t.Errorf("got %v", err)
	}
}

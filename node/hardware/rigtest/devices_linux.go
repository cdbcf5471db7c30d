package rigtest

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func nullDevice(root, name string) error {
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.NewSyscallError("mknod "+name, unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
}

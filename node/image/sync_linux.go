package image

import (
	"crypto/rand"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// syncTree puts everything below a directory on the medium: one call for the whole file
// system, where a call for each file would take minutes.
func syncTree(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd())))
}

// bootID names this run of the system.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return rand.Text() // then nothing survives this process unsynced
	}
	return strings.TrimSpace(string(b))
}

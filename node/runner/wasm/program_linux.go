package wasm

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// unpackProgram puts the sandbox into a sealed anonymous file: it is gone with
// the process, works on a read-only disk, and nobody can change it.
func unpackProgram(b []byte, _ string) (program, error) {
	fd, err := unix.MemfdCreate("rerig-sandbox", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return program{}, err
	}
	f := os.NewFile(uintptr(fd), "rerig-sandbox")
	_, err = f.Write(b)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
			unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		f.Close()
		return program{}, err
	}
	return program{path: fmt.Sprintf("/proc/self/fd/%d", fd), file: f}, nil
}

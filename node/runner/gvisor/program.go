//go:build linux

package gvisor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// programName is what the sandbox program is called.
const programName = "rerig-gvisor"

// program is the executable file that sandboxes start from.
type program struct {
	path string
	file *os.File // keeps a file without a name alive; nil for one with a name
}

func (p program) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// embedded is the compressed sandbox program of this binary.
func embedded() ([]byte, error) {
	packed, err := dist.ReadFile(fmt.Sprintf("dist/%s_%s/%s.zst", runtime.GOOS, runtime.GOARCH, programName))
	if err != nil {
		return nil, fmt.Errorf("%w: this rerig was built without its gVisor sandbox for %s/%s; take the full one, or build it with: make build",
			ErrNotHere, runtime.GOOS, runtime.GOARCH)
	}
	return packed, nil
}

// unpackProgram puts the sandbox program into a sealed file in memory: it works on a
// read-only disk, is gone with the process, and nobody can change it. Where the machine runs
// no programs from memory (sysctl vm.memfd_noexec=2) it is a file in dir.
func unpackProgram(packed []byte, dir string) (program, error) {
	p, err := intoMemory(packed)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS) {
		p, err = intoFile(packed, filepath.Join(dir, programName))
	}
	if err != nil {
		return program{}, fmt.Errorf("unpack the embedded gVisor sandbox: %w", err)
	}
	return p, nil
}

func intoMemory(packed []byte) (program, error) {
	fd, err := unix.MemfdCreate(programName, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3, where all are executable
		fd, err = unix.MemfdCreate(programName, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return program{}, err
	}
	f := os.NewFile(uintptr(fd), programName)
	err = unpack(f, packed)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		f.Close()
		return program{}, err
	}
	return program{path: fmt.Sprintf("/proc/self/fd/%d", fd), file: f}, nil
}

// intoFile writes the program anew each time: what is there may be older, or cut off.
func intoFile(packed []byte, path string) (program, error) {
	fresh := path + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return program{}, err
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return program{}, err
	}
	err = unpack(f, packed)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return program{}, errors.Join(err, os.Remove(fresh))
	}
	return program{path: path}, nil
}

// unpack decompresses with one thread and a small buffer: it is done once, beside other
// beginnings.
func unpack(to io.Writer, packed []byte) error {
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer z.Close()
	_, err = io.Copy(to, z)
	return err
}

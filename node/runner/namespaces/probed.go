//go:build linux

package namespaces

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/rerig/rerig/node/runner/tap"
)

// probed is the job of Probe, in its sandbox; it returns its exit code.
func probed(what string) (int, error) {
	switch what {
	case "code":
		return probeCode, nil
	case "serve":
		return 0, probedServe()
	case "memory":
		for held := 0; held < 4*probeMemory; held += 1 << 20 {
			b, err := syscall.Mmap(-1, 0, 1<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			if err != nil {
				return 1, err
			}
			for i := 0; i < len(b); i += pageBytes {
				b[i] = 1
			}
		}
		return 0, nil
	case "processes":
		return probedProcesses()
	case "call":
		return probeCode, tap.Call()
	case "cards":
		return 0, probedCards()
	}
	return 1, fmt.Errorf("unknown probe %q", what)
}

// probedServe echoes one connection.
func probedServe() error {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(probePort))
	if err != nil {
		return err
	}
	fmt.Println("serving")
	c, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = io.Copy(c, c)
	return err
}

// probedProcesses starts itself again until the kernel refuses.
func probedProcesses() (int, error) {
	for range 4 * probeProcesses {
		pid, _, e := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if e == syscall.EAGAIN {
			return probeCode, nil
		}
		if e != 0 {
			return 1, os.NewSyscallError("clone", e)
		}
		if pid == 0 { // Go's other threads are not here: only raw calls are safe
			for {
				_, _, _ = syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
			}
		}
	}
	return 0, nil
}

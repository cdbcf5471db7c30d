package hardware

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// kernelLog is the kernel's log, open to be read from its beginning on.
type kernelLog struct {
	fd   int
	path string
}

func openKernelLog(path string) (*kernelLog, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &kernelLog{fd, path}, nil
}

func (k *kernelLog) close() { _ = unix.Close(k.fd) } // it was only read

// read reads the records that are in the log now and were not read before, without waiting
// for more. /dev/kmsg gives one record a read.
func (k *kernelLog) read(limit int) ([]byte, error) {
	var log []byte
	buf := make([]byte, 16<<10)
	for len(log) < limit {
		n, err := unix.Read(k.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EPIPE): // EPIPE: records were overwritten meanwhile
			continue
		case errors.Is(err, unix.EAGAIN), err == nil && n == 0:
			return log, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", k.path, err)
		}
		log = append(log, buf[:n]...)
	}
	return log, nil
}

package hardware

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// readKernelLog reads the records that are in the kernel's log now, without waiting for
// more. /dev/kmsg gives one record a read.
func readKernelLog(path string, limit int) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	var log []byte
	buf := make([]byte, 16<<10)
	for len(log) < limit {
		n, err := unix.Read(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EPIPE): // EPIPE: records were overwritten meanwhile
			continue
		case errors.Is(err, unix.EAGAIN), err == nil && n == 0:
			return log, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		log = append(log, buf[:n]...)
	}
	return log, nil
}

//go:build unix

package hardware

import "golang.org/x/sys/unix"

func diskFree(dir string) (bytes uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

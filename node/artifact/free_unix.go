//go:build unix

package artifact

import "golang.org/x/sys/unix"

// freeBytes is what this user may still write to the disk that dir is on; ok is false
// where the system does not say.
func freeBytes(dir string) (n int64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Bsize <= 0 {
		return 0, false
	}
	block := uint64(st.Bsize)                                       // signed or not, as the system has it
	return int64(min(uint64(st.Bavail), 1<<43/block) * block), true //nolint:unconvert // Bavail is signed on FreeBSD
}

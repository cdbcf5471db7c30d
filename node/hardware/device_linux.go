package hardware

import "golang.org/x/sys/unix"

// deviceNumbers reads a character device's numbers. A symbolic link is none, because it
// may point elsewhere by the time it is used.
func deviceNumbers(path string) (major, minor uint32, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return 0, 0, errNoDevice
	}
	return unix.Major(st.Rdev), unix.Minor(st.Rdev), nil
}

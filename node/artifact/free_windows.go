package artifact

import "golang.org/x/sys/windows"

// freeBytes is what this user may still write to the disk that dir is on; ok is false
// where the system does not say.
func freeBytes(dir string) (n int64, ok bool) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, false
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &total, &all); err != nil {
		return 0, false
	}
	return int64(min(free, 1<<43)), true
}

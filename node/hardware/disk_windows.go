package hardware

import "golang.org/x/sys/windows"

func diskFree(dir string) (bytes uint64, err error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	return bytes, windows.GetDiskFreeSpaceEx(p, &bytes, nil, nil)
}

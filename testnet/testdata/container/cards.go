package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cards names the device files of cards and the files of a driver, and holds on for so many
// seconds.
func cards(seconds string) {
	n, err := strconv.Atoi(seconds)
	check(err)
	fmt.Println("cards:", strings.Join(append(opened("/dev"), opened("/.driver")...), " "))
	time.Sleep(time.Duration(n) * time.Second)
}

// opened are the names of all files below a directory but for the devices that every job
// has; those that cannot be opened have a mark.
func opened(dir string) (names []string) {
	_ = filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error { // one that is not there has none
		usual := []string{"null", "zero", "full", "random", "urandom"}
		if err != nil || f.IsDir() || f.Type()&fs.ModeSymlink != 0 || slices.Contains(usual, f.Name()) {
			return nil
		}
		how, name := os.O_RDONLY, f.Name()
		if f.Type()&fs.ModeDevice != 0 {
			how = os.O_RDWR
		}
		if file, err := os.OpenFile(path, how, 0); err == nil {
			file.Close()
		} else {
			name += "!"
		}
		names = append(names, name)
		return nil
	})
	return names
}

package runner

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// ListDevices is the program of CardProber's job: it opens every device file and driver's
// file that it finds, but for those that every job has (usual, files or directories), and
// writes a line for each.
func ListDevices(w io.Writer, usual ...string) error {
	for _, dir := range []string{"/dev", DriverDir} {
		err := filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case slices.Contains(usual, path) && f.IsDir():
				return fs.SkipDir
			case slices.Contains(usual, path) || f.IsDir() || f.Type()&fs.ModeSymlink != 0:
				return nil
			}
			how := os.O_RDONLY
			if f.Type()&fs.ModeDevice != 0 {
				how = os.O_RDWR | syscall.O_NONBLOCK
			}
			opened, err := os.OpenFile(path, how, 0)
			if err != nil {
				_, err = fmt.Fprintln(w, err)
				return err
			}
			_, err = fmt.Fprintln(w, "open", path)
			return errors.Join(err, opened.Close())
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Listed compares what ListDevices wrote with what a job was to have.
func (d *Devices) Listed(text string) error {
	var want []string
	for _, n := range d.Nodes {
		want = append(want, "open "+n.Inside)
	}
	for _, f := range d.Files {
		want = append(want, "open "+f.Inside)
	}
	got := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" })
	slices.Sort(want)
	slices.Sort(got)
	if slices.Equal(want, got) {
		return nil
	}
	lacks := slices.DeleteFunc(slices.Clone(want), func(line string) bool { return slices.Contains(got, line) })
	more := slices.DeleteFunc(got, func(line string) bool { return slices.Contains(want, line) })
	return fmt.Errorf("a job with cards says %.400q, and not %.400q", more, lacks)
}

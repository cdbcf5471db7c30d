package update

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// old is what a program is called that another took the place of.
const old = ".old"

// Install puts a program that Fetch brought in the place of the one at a path, which stays
// beside it for Rollback. At every instant there is a whole program at the path, but on
// Windows, where a running one must be moved away first.
func Install(program, at string) error {
	if err := install(program, at); err != nil {
		return fmt.Errorf("put the new program at %s: %w", at, err)
	}
	return nil
}

func install(program, at string) error {
	if err := os.Remove(at + old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	keep := os.Link
	if runtime.GOOS == "windows" {
		keep = os.Rename
	}
	if err := keep(at, at+old); err != nil {
		return err
	}
	if err := os.Rename(program, at); err != nil {
		if runtime.GOOS == "windows" { // else nothing would be there
			err = errors.Join(err, os.Rename(at+old, at))
		}
		return err
	}
	return syncDir(filepath.Dir(at))
}

// Rollback puts back the program that was there before the last Install.
func Rollback(at string) error {
	if _, err := os.Stat(at + old); err != nil {
		return fmt.Errorf("put the program before back: %w; there was no update", err)
	}
	if runtime.GOOS == "windows" {
		if err := os.Rename(at, at+".undone"); err != nil {
			return fmt.Errorf("put the program before back: %w", err)
		}
	}
	err := os.Rename(at+old, at)
	if err != nil && runtime.GOOS == "windows" {
		err = errors.Join(err, os.Rename(at+".undone", at))
	}
	if err = errors.Join(err, syncDir(filepath.Dir(at))); err != nil {
		return fmt.Errorf("put the program before back: %w", err)
	}
	return nil
}

// syncDir makes renames last; Windows has no such thing.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// maxShunned is how many bytes the list of shunned versions may have.
const maxShunned = 16 << 10

func (s *Source) list() string { return filepath.Join(s.Dir, "shunned") }

// Shun remembers that a version did not work here, so that it is not tried again by itself.
func (s *Source) Shun(version string) error {
	if s.Shunned(version) {
		return nil
	}
	err := os.MkdirAll(s.Dir, 0o700)
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(s.list(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	}
	if err == nil {
		_, err = fmt.Fprintln(f, version)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("remember that version %s does not work: %w", version, err)
	}
	return nil
}

// Shunned tells whether a version did not work here.
func (s *Source) Shunned(version string) bool {
	info, err := os.Stat(s.list())
	if err != nil || info.Size() > maxShunned {
		return false
	}
	b, err := os.ReadFile(s.list())
	return err == nil && strings.Contains("\n"+string(b), "\n"+version+"\n")
}

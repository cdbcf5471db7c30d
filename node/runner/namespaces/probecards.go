//go:build linux

package namespaces

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

// ProbeCards runs a small job that lists and opens every device file and driver's file that
// it has. Each of d must be among them, and no other.
func (e *Engine) ProbeCards(ctx context.Context, d runner.Devices) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var out said
	j, err := e.probeJob(ctx, "cards", &out, d)
	if err != nil {
		return fmt.Errorf("a job with cards: %w", err)
	}
	res, err := j.Wait()
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case res.Failure != nil || res.ExitCode != 0:
		return fmt.Errorf("a job with cards ended with code %d, %v, saying %q", res.ExitCode, res.Failure, out.text())
	}
	var want []string
	for _, n := range d.Nodes {
		want = append(want, n.Inside+" opens")
	}
	for _, f := range d.Files {
		want = append(want, f.Inside+" opens")
	}
	got := slices.DeleteFunc(strings.Split(out.text(), "\n"), func(line string) bool { return line == "" })
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		return fmt.Errorf("a job with cards has %q, want %q", got, want)
	}
	return nil
}

// probedCards is ProbeCards' job.
func probedCards() error {
	usual := []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
	for _, dir := range []string{"/dev", runner.DriverDir} {
		err := filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error {
			if err != nil || f.IsDir() || f.Type()&fs.ModeSymlink != 0 || slices.Contains(usual, path) {
				return err
			}
			how := os.O_RDONLY
			if f.Type()&fs.ModeDevice != 0 {
				how = os.O_RDWR | unix.O_NONBLOCK
			}
			opened, err := os.OpenFile(path, how, 0)
			if err != nil {
				fmt.Println(path, err)
				return nil
			}
			fmt.Println(path, "opens")
			return opened.Close()
		})
		if err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

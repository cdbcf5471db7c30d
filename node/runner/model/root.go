package model

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rerig/rerig/models/jargon"
)

// makeRoot makes the directory that a job sees as "/": the program, linked or copied.
func makeRoot(dir, from string) error {
	if from == "" {
		if runtime.GOOS != "linux" {
			return errors.New("this program is not one for Linux, which sandboxes run")
		}
		own, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
		from = own
	}
	if err := os.RemoveAll(dir); err != nil { // of an older program
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	to := filepath.Join(dir, program)
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		err = errors.Join(err, os.Remove(to)) // the disk may be full of it
	}
	return err
}

// makeTrial makes the input directory of the self-test.
func makeTrial(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, file), jargon.GGUF(), 0o644)
}

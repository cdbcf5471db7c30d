package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/node/runner"
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
	return runner.LinkFile(from, filepath.Join(dir, program), 0o755)
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

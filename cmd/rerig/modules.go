package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/modules"
	"github.com/rerig/rerig/node"
)

// resolve finds the module: a file, or one that this binary brings. The model of
// lm is its input unless another one was given.
func (a *app) resolve(dataDir, module string, req *node.RunRequest) (err error) {
	var code []byte
	switch module {
	case "lm":
		if code, err = modules.LM(); err != nil {
			return err
		}
		if !hasModel(req.Inputs) {
			path, err := builtin(dataDir, "jargon.gguf", jargon.GGUF())
			if err != nil {
				return err
			}
			req.Inputs = append(req.Inputs, node.File{Name: "jargon.gguf", Path: path})
		}
	case "thumb":
		if code, err = modules.Thumb(); err != nil {
			return err
		}
	default:
		if err := readable("MODULE", module); err != nil {
			return fmt.Errorf("%w; a module is a .wasm file, lm or thumb", err)
		}
		if req.Module, err = filepath.Abs(module); err != nil {
			return fmt.Errorf("MODULE: %w", err)
		}
		return nil
	}
	req.Module, err = builtin(dataDir, module+".wasm", code)
	return err
}

func hasModel(files []node.File) bool {
	for _, f := range files {
		name := f.Name
		if name == "" {
			name = f.Path
		}
		if strings.HasSuffix(name, ".gguf") {
			return true
		}
	}
	return false
}

// builtin puts bytes of this binary where the node can read them: once, under
// their hash, so that another version of rerig does not meet this one's.
func builtin(dataDir, name string, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	dir := filepath.Join(dataDir, "builtin", hex.EncodeToString(sum[:8]))
	path := filepath.Join(dir, name)
	if info, err := os.Stat(path); err == nil && info.Size() == int64(len(content)) {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("unpack %s: %w", name, err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", fmt.Errorf("unpack %s: %w", name, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("unpack %s: %w", name, err), os.Remove(f.Name()))
	}
	return path, nil
}

// readable refuses what is not a file that this user can read.
func readable(what, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return usage("%s: no file %s", what, path)
	}
	if err != nil {
		return usage("%s: %w", what, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return usage("%s: %w", what, err)
	}
	if !info.Mode().IsRegular() {
		return usage("%s: %s is not a file", what, path)
	}
	return nil
}

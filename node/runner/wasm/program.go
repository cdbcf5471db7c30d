package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/klauspost/compress/zstd"

	"github.com/rerig/rerig/node/runner/wasm/calls"
)

// program is the sandbox's executable file.
type program struct {
	path string
	hash string   // SHA-256 in hex
	file *os.File // keeps an anonymous file alive; nil for one with a name
}

func (p program) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// openProgram finds the sandbox at override, or unpacks the one that dist embeds.
func openProgram(dist fs.FS, override, dir string) (program, error) {
	if override != "" {
		full, err := filepath.Abs(override)
		if err != nil {
			return program{}, fmt.Errorf("find the sandbox: %w", err)
		}
		b, err := os.ReadFile(full)
		if err != nil {
			return program{}, fmt.Errorf("read the sandbox: %w", err)
		}
		return program{path: full, hash: hashOf(b)}, nil
	}
	name := "rerig-sandbox"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	b, err := embedded(dist, path.Join("dist", runtime.GOOS+"_"+runtime.GOARCH, name+".zst"))
	if errors.Is(err, fs.ErrNotExist) {
		return program{}, fmt.Errorf("this rerig was built without its sandbox for %s/%s; build it with: make build", runtime.GOOS, runtime.GOARCH)
	}
	if err != nil {
		return program{}, fmt.Errorf("read the embedded sandbox: %w", err)
	}
	p, err := unpackProgram(b, dir)
	if err != nil {
		return program{}, fmt.Errorf("unpack the embedded sandbox: %w", err)
	}
	p.hash = hashOf(b)
	return p, nil
}

// embedded reads one compressed file of this binary.
func embedded(dist fs.FS, name string) ([]byte, error) {
	packed, err := fs.ReadFile(dist, name)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	b, err := z.DecodeAll(packed, nil)
	if runtime.GOARCH == "amd64" { // so it was packed
		calls.Relative(b)
	}
	return b, err
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

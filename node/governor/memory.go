package governor

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The files of Config.Dir.
const (
	memoryFile = "governor.json"
	markFile   = "mark"
)

// Limits of what is remembered.
const (
	maxCards  = 64
	maxMemory = 256 << 10 // bytes
)

// memory is what outlives a restart.
type memory struct {
	Version int              `json:"version"`
	Cards   map[string]State `json:"cards"`
	Paused  []string         `json:"paused,omitempty"`
}

// load reads the memory. One that cannot be read is as none: it holds what was measured, and
// can be measured again.
func load(dir string) (m memory, err error) {
	m = memory{Version: 1, Cards: map[string]State{}}
	b, err := os.ReadFile(filepath.Join(dir, memoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	var read memory
	if err == nil && len(b) <= maxMemory {
		err = json.Unmarshal(b, &read)
	}
	if err != nil {
		return m, fmt.Errorf("read what the governor learned: %w", err)
	}
	if read.Version == 1 && len(read.Cards) <= maxCards && len(read.Paused) <= maxCards && read.Cards != nil {
		m = read
	}
	return m, nil
}

// save replaces the memory. It is on disk when save returns.
func (m *memory) save(dir string) error {
	b, err := json.Marshal(m)
	if err == nil {
		err = replace(filepath.Join(dir, memoryFile), b)
	}
	if err != nil {
		return fmt.Errorf("keep what the governor learned: %w", err)
	}
	return nil
}

func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return os.Rename(path+".new", path)
}

// ownMark is by what this directory's commands are known, made at the first use.
func ownMark(dir string) (string, error) {
	path := filepath.Join(dir, markFile)
	b, err := os.ReadFile(path)
	if err == nil && len(b) == 32 {
		return string(b), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the idle commands' mark: %w", err)
	}
	var raw [16]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", fmt.Errorf("make the idle commands' mark: %w", err)
	}
	mark := hex.EncodeToString(raw[:])
	if err := replace(path, []byte(mark)); err != nil {
		return "", fmt.Errorf("keep the idle commands' mark: %w", err)
	}
	return mark, nil
}

package wasm

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/rerig/rerig/node/runner"
)

// Limits of a job that are not the requester's to choose.
const (
	// MaxModuleBytes is the largest module that is compiled.
	MaxModuleBytes = 64 << 20
	// MaxMemoryBytes is all that 32-bit WASM can address.
	MaxMemoryBytes = 4 << 30
)

// check checks a job's spec and fills in the hash.
func check(s *runner.Spec) error {
	if s.ModuleSHA256 == ([32]byte{}) {
		if s.Module == nil {
			return errors.New("job has neither a module nor a module hash")
		}
		s.ModuleSHA256 = sha256.Sum256(s.Module)
	}
	if s.MemoryBytes > MaxMemoryBytes {
		return fmt.Errorf("memory limit of %d bytes is over %d", s.MemoryBytes, uint64(MaxMemoryBytes))
	}
	if s.Interface != nil {
		return fmt.Errorf("a network interface for a WASM module: %w", runner.ErrUnsupported)
	}
	if !s.Devices.None() {
		return fmt.Errorf("cards for a WASM module: %w", runner.ErrNoCards)
	}
	return s.Check()
}

package runner

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a Spec that are not the requester's to choose.
const (
	// MaxModuleBytes is the largest module that is compiled.
	MaxModuleBytes = 64 << 20
	// MaxMemoryBytes is all that 32-bit WASM can address.
	MaxMemoryBytes = 4 << 30
	// MaxArgBytes is the most that arguments and environment take together.
	MaxArgBytes = 256 << 10
)

// Spec is one job for one sandbox.
type Spec struct {
	// Module is the WASM module. It may be nil when ModulePath is set.
	Module []byte
	// ModulePath is a file with the module. It is read only when the module
	// is not in the compile cache.
	ModulePath string
	// ModuleSHA256 is the module's hash. It may be zero when Module is set.
	ModuleSHA256 [32]byte

	// Args are the guest's arguments, the program's name first.
	Args []string
	// Env is the guest's whole environment, each as KEY=value.
	Env []string
	// InDir is a host directory that the guest reads as /in; "" for none.
	InDir string
	// OutDir is a host directory that the guest fills as /out; "" for none.
	// It should be empty, and no other job may use it at the same time.
	OutDir string
	// Seed is all the randomness that the guest sees.
	Seed [32]byte

	// MemoryBytes caps the guest's linear memory.
	MemoryBytes uint64
	// StdoutBytes caps standard output and error together.
	StdoutBytes uint64
	// OutputBytes caps the files under OutDir together.
	OutputBytes uint64
	// OutputFiles caps the files and directories made under OutDir; deleting
	// one gives nothing back.
	OutputFiles int
	// Deadline is the most that the guest may run by the wall clock, pauses
	// not counted.
	Deadline time.Duration
}

// validate checks a Spec and fills in the hash.
func (s *Spec) validate() error {
	if s.ModuleSHA256 == ([32]byte{}) {
		if s.Module == nil {
			return errors.New("job has neither a module nor a module hash")
		}
		s.ModuleSHA256 = sha256.Sum256(s.Module)
	}
	if s.MemoryBytes == 0 || s.MemoryBytes > MaxMemoryBytes {
		return fmt.Errorf("memory limit of %d bytes is not between 1 and %d", s.MemoryBytes, uint64(MaxMemoryBytes))
	}
	if s.Deadline <= 0 {
		return fmt.Errorf("deadline %s is not positive", s.Deadline)
	}
	if s.OutputFiles < 0 {
		return fmt.Errorf("output file limit %d is negative", s.OutputFiles)
	}
	total := 0
	for _, a := range slices.Concat(s.Args, s.Env) {
		if total += len(a) + 1; total > MaxArgBytes {
			return fmt.Errorf("arguments and environment are over %d bytes", MaxArgBytes)
		}
		if !utf8.ValidString(a) || strings.ContainsRune(a, 0) {
			return fmt.Errorf("argument or environment entry %q is not UTF-8 text without NUL", a)
		}
	}
	for _, e := range s.Env {
		if k, _, ok := strings.Cut(e, "="); !ok || k == "" {
			return fmt.Errorf("environment entry %q is not KEY=value", e)
		}
	}
	return nil
}

// Usage is what a job has used so far.
type Usage struct {
	// CPUMillis is CPU time since the guest began, in milliseconds, rounded
	// up. Starting the sandbox and loading the module are not in it.
	CPUMillis uint64
	// PeakMemoryBytes is the largest that the guest's linear memory has been.
	PeakMemoryBytes uint64
}

// Result is how a job ended.
type Result struct {
	// ExitCode is the guest's own, when Failure is nil or FailureMemory.
	ExitCode int
	Usage    Usage
	// Failure is nil when the guest ended by itself, whatever its exit code.
	Failure *Failure
}

// FailureKind says why a job did not end by itself.
type FailureKind string

// The ways in which a job fails. The first six are the job's own doing.
const (
	FailureTrap      FailureKind = "trap"       // unreachable, out of bounds, stack overflow …
	FailureDeadline  FailureKind = "deadline"   // ran past Spec.Deadline
	FailureMemory    FailureKind = "memory"     // failed after it was refused memory
	FailureStdout    FailureKind = "stdout"     // over Spec.StdoutBytes
	FailureOutput    FailureKind = "output"     // over Spec.OutputBytes or OutputFiles
	FailureBadModule FailureKind = "bad-module" // not a WASI preview 1 command, or too costly to compile
	FailureKilled    FailureKind = "killed"     // Stop, or its consumer or the runner ended
	FailureInternal  FailureKind = "internal"   // the sandbox itself failed
)

// Failure is a job's failure. Start returns one for a bad module; every other
// is in a Result.
type Failure struct {
	Kind FailureKind
	// Detail names what happened and the limit that was passed.
	Detail string
}

// Error is the kind and the detail.
func (f *Failure) Error() string { return string(f.Kind) + ": " + f.Detail }

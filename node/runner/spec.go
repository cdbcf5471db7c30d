package runner

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxArgBytes is the most that arguments and environment take together.
const MaxArgBytes = 256 << 10

// Spec is one job for one sandbox.
type Spec struct {
	// Module is a WASM module. It may be nil when ModulePath is set.
	Module []byte
	// ModulePath is a file with the module. It is read only when the module
	// is not in the compile cache.
	ModulePath string
	// ModuleSHA256 is the module's hash. It may be zero when Module is set.
	ModuleSHA256 [32]byte
	// Seed is all the randomness that a WASM guest sees.
	Seed [32]byte

	// Root is a host directory with a container's files. The job sees it as "/" and can
	// change nothing in it: what it writes is its own and is gone at the end.
	Root string
	// WorkDir is where a container's program starts; "" for "/".
	WorkDir string
	// UID and GID are the container's user and group, as numbers inside.
	UID, GID uint32
	// CPUs is how many cores a container gets; 0 for one.
	CPUs int
	// Processes caps a container's processes and threads; 0 for 256.
	Processes int
	// ScratchBytes caps what a container writes outside /out; it counts as memory where
	// the engine keeps it there.
	ScratchBytes uint64

	// Devices are what a container gets of the machine's cards.
	Devices Devices

	// Args are the program's arguments, its name first.
	Args []string
	// Env is the program's whole environment, each as KEY=value.
	Env []string
	// InDir is a host directory that the job reads as /in; "" for none.
	InDir string
	// OutDir is a host directory that the job fills as /out; "" for none.
	// It should be empty, and no other job may use it at the same time.
	OutDir string

	// Interface is a container's network interface, beside its loopback; nil for none.
	Interface *Interface

	// MemoryBytes caps the job's memory.
	MemoryBytes uint64
	// StdoutBytes caps standard output and error together.
	StdoutBytes uint64
	// OutputBytes caps the files under OutDir together.
	OutputBytes uint64
	// OutputFiles caps the files and directories made under OutDir.
	OutputFiles int
	// Deadline is the most that the job may run by the wall clock, pauses
	// not counted.
	Deadline time.Duration
}

// Interface is a network interface of a job, whose far end nothing but Attach has.
type Interface struct {
	// Addr is the job's IPv4 address, with the length of its network.
	Addr netip.Prefix
	// Attach takes over the far end, of which each read and each write is one Ethernet
	// frame, before the job's program starts. Its error ends the job. It is called again
	// where the sandbox had to be made anew, whose far end then is the job's.
	Attach func(*os.File) error `json:"-"`
}

// Check refuses what no engine runs, by the field's name.
func (s *Spec) Check() error {
	if s.MemoryBytes == 0 {
		return errors.New("memory limit of 0 bytes: give a positive one")
	}
	if s.Deadline <= 0 {
		return fmt.Errorf("deadline %s is not positive", s.Deadline)
	}
	if s.OutputFiles < 0 {
		return fmt.Errorf("output file limit %d is negative", s.OutputFiles)
	}
	if s.CPUs < 0 || s.Processes < 0 {
		return fmt.Errorf("%d CPUs and %d processes: neither may be negative", s.CPUs, s.Processes)
	}
	if s.WorkDir != "" && !path.IsAbs(s.WorkDir) {
		return fmt.Errorf("working directory %q is not an absolute path", s.WorkDir)
	}
	if err := s.Devices.check(); err != nil {
		return err
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

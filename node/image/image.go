// Package image turns OCI images into directories that a sandbox can take as its root
// (SPEC §5.1), and makes, names and normalises the OCI layouts they travel as. A rig
// begins with Open and Unpack, a developer's commands with OpenLibrary.
//
// Nothing in an image is believed: every blob is checked against its digest and size,
// and a layer's paths never reach the file system. A layer is unpacked once, as numbered
// files beside a list of what they are called; the lists of an image's layers are merged
// in memory, and the result is laid out as directories, symlinks and hard links to those
// files. So no mount is needed, nothing is left after a crash, and two images that share
// a layer share its bytes.
//
// The hard links share their inodes: whoever runs a job on a root MUST give it the root
// read-only. As a second guard no file has a write bit.
//
// Layout of the directory:
//
//	layers/<diff ID>/entries   what the layer says, in order
//	layers/<diff ID>/f/<n>     the bytes of its files
//	roots/<image ID>/record    what the image runs, and its layers; its time is the last use
//	roots/<image ID>/rootfs    the root
//	…/synced                   it is on the medium (Run)
//	tmp/                       emptied by Open
package image

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
)

// Limits of this implementation on what one image may be.
const (
	maxJSONBytes  = 4 << 20  // bytes of an index, a manifest or a config
	maxIndexDepth = 4        // indexes in one another
	maxManifests  = 1024     // manifests that are looked at for one of this platform
	maxName       = 255      // bytes of a path's element: NAME_MAX
	maxPath       = 4000     // bytes of a path: PATH_MAX and some room for where a root lies
	maxDepth      = 128      // elements of a path
	maxHops       = 40       // symlinks followed for one path
	maxSteps      = 32       // elements of paths walked, for each entry that an image may have
	maxWindow     = 32 << 20 // bytes of a zstd window: each layer under way takes that much memory
	maxLinks      = 1024     // hard links to one file in an image; ext4 has 65,000 for all of them
	maxAccounts   = 1 << 20  // bytes of /etc/passwd and /etc/group
)

// Limits bound what one image may take on a rig.
type Limits struct {
	Layers  int   // layers of an image
	Entries int   // files, directories, links and whiteouts of an image
	Names   int64 // bytes of all their paths and targets
	Bytes   int64 // bytes of all layers, unpacked
}

// DefaultLimits hold what the big images of AI frameworks need, with some room.
func DefaultLimits() Limits {
	return Limits{Layers: 256, Entries: 600_000, Names: 128 << 20, Bytes: 64 << 30}
}

// Config is what a Store needs. Dir and MaxBytes are required.
type Config struct {
	Dir      string       // owned by this store alone, on one file system
	MaxBytes int64        // bytes on disk beyond which what no job uses is evicted
	Limits   Limits       // zero fields: those of DefaultLimits
	Logger   *slog.Logger // nil: slog.Default
}

func (c *Config) validate() error {
	if c.Dir == "" {
		return errors.New("image: Dir: must name a directory")
	}
	if c.MaxBytes <= 0 {
		return fmt.Errorf("image: MaxBytes: must be positive, got %d", c.MaxBytes)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	d := DefaultLimits()
	if c.Limits.Layers == 0 {
		c.Limits.Layers = d.Layers
	}
	if c.Limits.Entries == 0 {
		c.Limits.Entries = d.Entries
	}
	if c.Limits.Names == 0 {
		c.Limits.Names = d.Names
	}
	if c.Limits.Bytes == 0 {
		c.Limits.Bytes = d.Bytes
	}
	return nil
}

// Errors that callers tell apart; they arrive wrapped.
var (
	// ErrFull: what running jobs use leaves too little of MaxBytes.
	ErrFull = errors.New("the store of unpacked images is full")
	// ErrNoImage: no image has that name.
	ErrNoImage = errors.New("no such image")
)

// BadImageError says what is wrong with an image, whatever machine looks at it. Any other
// error is the machine's own.
type BadImageError struct{ Err error }

// Error is the wrapped error's text.
func (e *BadImageError) Error() string { return "image: " + e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *BadImageError) Unwrap() error { return e.Err }

func bad(format string, args ...any) error { return &BadImageError{fmt.Errorf(format, args...)} }

// LimitError says which limit an image would exceed, and by how much.
type LimitError struct {
	Field string // what was measured, such as "layers"
	Limit int64
	Got   int64
}

// Error names the field, the limit and the value.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: at most %d, got %d", e.Field, e.Limit, e.Got)
}

func over(field string, limit, got int64) error {
	return &BadImageError{&LimitError{field, limit, got}}
}

// platform is what images for this machine's sandboxes are made for.
func platform() (system, arch string) { return "linux", runtime.GOARCH }

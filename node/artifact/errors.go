package artifact

import (
	"errors"
	"fmt"
)

// Errors a caller branches on; they arrive wrapped.
var (
	// ErrNotFound: the peer, or this store, does not have it or may not give it.
	ErrNotFound = errors.New("content is not there")
	// ErrStalled: the peer sent nothing that was asked for. What did arrive is
	// kept, so trying again goes on from there.
	ErrStalled = errors.New("peer sends nothing")
	// ErrLied: the peer sent bytes that match nothing it was asked for. It is asked for
	// nothing for an hour.
	ErrLied = errors.New("peer sent other bytes than it was asked for")
	// ErrMalformed: the content is not a plain UnixFS file or directory, or its
	// declared sizes are lies.
	ErrMalformed = errors.New("content is malformed")
	// ErrCorrupt: bytes on this disk do not match their CID any more.
	ErrCorrupt = errors.New("bytes on disk do not match their CID")
	// ErrClosed: Run has ended.
	ErrClosed = errors.New("artifact store is closed")
	// ErrPinned: a job still uses it.
	ErrPinned = errors.New("content is in use")
)

// LimitError says which limit content would exceed, and by how much.
type LimitError struct {
	Field string // what was measured, such as "file bytes"
	Limit uint64
	Got   uint64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: at most %d, got %d", e.Field, e.Limit, e.Got)
}

// ContentError says that what was to be added may not be, whatever room there is. Any
// other error of adding is the store's own.
type ContentError struct{ Err error }

// Error is the wrapped error's text.
func (e *ContentError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *ContentError) Unwrap() error { return e.Err }

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

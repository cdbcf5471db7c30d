package transfer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"
)

// entry is one URL's place in the cache: the file, a part of it under way, and what the
// origin said of the bytes.
type entry struct {
	cache *Cache
	url   *url.URL
	base  string
}

// version is what tells an origin's bytes from other bytes under the same URL. Without an
// ETag nothing is known, and what was cut short begins anew.
type version struct {
	ETag string `json:"etag"`
	Size int64  `json:"size"` // -1: not told
}

func (e *entry) file() string { return e.base + ".file" }
func (e *entry) part() string { return e.base + ".part" }
func (e *entry) note() string { return e.base + ".part.json" }
func (e *entry) kept() string { return e.base + ".file.json" }

// origin opens a URL's bytes.
type origin interface {
	// open gives the bytes from an offset on, if they are still those of have: otherwise
	// all of them, from is 0 then. same tells that the whole file is as have, and gives
	// no bytes.
	open(ctx context.Context, from int64, have version) (body io.ReadCloser, at int64, v version, same bool, err error)
}

// tries is how often a fetch that was cut short goes on by itself.
const tries = 5

func (e *entry) fetch(ctx context.Context) error {
	o, err := e.origin()
	if err != nil {
		return err
	}
	wait := 250 * time.Millisecond
	for try := 1; ; try++ {
		var final *finalError
		err := e.once(ctx, o)
		if err == nil || ctx.Err() != nil || errors.As(err, &final) || try == tries {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait *= 2
	}
}

// finalError is one that another try would meet again.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

func (e *entry) once(ctx context.Context, o origin) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := cmp.Or(e.cache.Stall, time.Minute)
	silence := time.AfterFunc(limit, func() { cancel(fmt.Errorf("the server sent nothing for %v", limit)) })
	defer silence.Stop()
	heard := func() { silence.Reset(limit) }
	have, whole := e.known(e.kept(), e.file())
	var from int64
	if !whole {
		var begun bool
		if have, begun = e.known(e.note(), e.part()); begun {
			if st, err := os.Stat(e.part()); err == nil {
				from = st.Size()
			}
		}
	}
	body, at, v, same, err := o.open(ctx, from, have)
	if err != nil {
		return err
	}
	if same {
		return nil
	}
	defer body.Close()
	if v.Size > e.cache.MaxFile {
		return &finalError{&TooLongError{shown(e.url), v.Size, e.cache.MaxFile}}
	}
	if err := e.take(body, at, v, heard); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	return e.keep(v)
}

// known reads what was noted of a file, if both are there and it has an ETag.
func (e *entry) known(note, file string) (v version, ok bool) {
	if _, err := os.Stat(file); err != nil {
		return version{}, false
	}
	b, err := os.ReadFile(note)
	if err != nil || json.Unmarshal(b, &v) != nil || v.ETag == "" {
		return version{}, false
	}
	return v, true
}

// take writes the bytes behind what is there.
func (e *entry) take(body io.Reader, at int64, v version, heard func()) (err error) {
	f, err := os.OpenFile(e.part(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return &finalError{err}
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(at); err != nil {
		return &finalError{err}
	}
	if err := writeNote(e.note(), v); err != nil {
		return &finalError{err}
	}
	w := &counted{f: f, at: at, all: v.Size, heard: heard, told: e.cache.Told}
	n, err := io.Copy(w, io.LimitReader(body, e.cache.MaxFile-at+1))
	switch {
	case err != nil:
		return err
	case at+n > e.cache.MaxFile:
		return &finalError{&TooLongError{shown(e.url), -1, e.cache.MaxFile}}
	case v.Size >= 0 && at+n != v.Size:
		return fmt.Errorf("%d of %d bytes came: %w", at+n, v.Size, io.ErrUnexpectedEOF)
	}
	if err := f.Sync(); err != nil {
		return &finalError{err}
	}
	return nil
}

// keep makes the part the file.
func (e *entry) keep(v version) error {
	if err := os.Remove(e.kept()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return &finalError{err}
	}
	if err := os.Rename(e.part(), e.file()); err != nil {
		return &finalError{err}
	}
	if err := writeNote(e.kept(), v); err != nil {
		return &finalError{err}
	}
	if err := os.Remove(e.note()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return &finalError{err}
	}
	return nil
}

func writeNote(path string, v version) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// counted tells how far a file is.
type counted struct {
	f   *os.File
	at  int64
	all int64

	heard func() // something came
	told  func(done, all int64)
}

// Write writes behind what is there.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.f.WriteAt(b, c.at)
	c.at += int64(n)
	c.heard()
	if c.told != nil {
		c.told(c.at, c.all)
	}
	if err != nil {
		return n, &finalError{err}
	}
	return n, nil
}

// forget drops a part that is not the beginning of what the origin has.
func (e *entry) forget() error {
	if err := os.Remove(e.part()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return &finalError{err}
	}
	return nil
}

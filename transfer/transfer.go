// Package transfer brings a job's inputs from where they are, by URL, and takes its
// results to where they are wanted. What was cut short goes on where it stopped, and what
// has not changed is not fetched again.
package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Remote tells whether an input or output is a URL that this package knows.
func Remote(s string) bool {
	for _, scheme := range []string{"https://", "http://", "s3://"} {
		if strings.HasPrefix(s, scheme) {
			return true
		}
	}
	return false
}

// Cache is a directory of fetched files. Several processes may share it.
type Cache struct {
	Dir      string
	MaxBytes int64 // of all files; the oldest go first
	// MaxFile is the longest file that is fetched, in bytes.
	MaxFile int64
	// Stall is how long a server may send nothing before the fetch is tried again; 0 is a
	// minute.
	Stall time.Duration
	// Told is called with the bytes that are there and the bytes of all, -1 where the
	// server does not say. It may be nil.
	Told func(done, all int64)
}

// shown is a URL for an error's text: passwords and signatures stay out of it.
func shown(u *url.URL) string {
	v := *u
	v.RawQuery, v.Fragment = "", ""
	return v.Redacted()
}

// TooLongError says that a file is longer than Cache.MaxFile.
type TooLongError struct {
	URL   string
	Bytes int64 // -1 where it has no declared end
	Limit int64
}

// Error names the limit.
func (e *TooLongError) Error() string {
	if e.Bytes < 0 {
		return fmt.Sprintf("%s: at most %d bytes, it has more", e.URL, e.Limit)
	}
	return fmt.Sprintf("%s: at most %d bytes, it has %d", e.URL, e.Limit, e.Bytes)
}

// lockPoll is how often a fetch looks whether another process is done with the same URL.
const lockPoll = 100 * time.Millisecond

// Get brings a URL's file here and returns its path and the name that it has at its
// origin. The file stays the cache's: read it, do not change it.
func (c *Cache) Get(ctx context.Context, from string) (file, name string, err error) {
	u, err := url.Parse(from)
	if err != nil {
		return "", "", fmt.Errorf("input: not a URL: %w", hidden(err))
	}
	if u.Host == "" {
		return "", "", fmt.Errorf("input %q: it names no host", shown(u))
	}
	if name = path.Base(u.Path); name == "." || name == "/" {
		return "", "", fmt.Errorf("input %q: it names no file; give URL=NAME", shown(u))
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return "", "", fmt.Errorf("keep inputs: %w", err)
	}
	sum := sha256.Sum256([]byte(from))
	e := &entry{cache: c, url: u, base: filepath.Join(c.Dir, hex.EncodeToString(sum[:16]))}
	lock := flock.New(e.base+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return "", "", fmt.Errorf("fetch %s: another process fetches it: %w", shown(u), err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	defer browser.CloseIdleConnections()
	if err := e.fetch(ctx); err != nil {
		return "", "", fmt.Errorf("fetch %s: %w", shown(u), err)
	}
	now := time.Now()
	if err := os.Chtimes(e.file(), now, now); err != nil { // the newest is evicted last
		return "", "", fmt.Errorf("keep inputs: %w", err)
	}
	return e.file(), name, c.evict(e.file())
}

// evict drops what was not used for longest until the rest fits; keep stays. A file and what
// is noted of it go together.
func (c *Cache) evict(keep string) error {
	list, err := os.ReadDir(c.Dir)
	if err != nil {
		return fmt.Errorf("clear inputs: %w", err)
	}
	type old struct {
		paths []string
		used  time.Time // the latest of them
		size  int64
	}
	all := map[string]*old{}
	var total int64
	for _, d := range list {
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasSuffix(d.Name(), ".lock") {
			continue
		}
		total += info.Size()
		base, _, _ := strings.Cut(d.Name(), ".")
		o := all[base]
		if o == nil {
			o = &old{}
			all[base] = o
		}
		o.paths, o.size = append(o.paths, filepath.Join(c.Dir, d.Name())), o.size+info.Size()
		if info.ModTime().After(o.used) {
			o.used = info.ModTime()
		}
	}
	kept, _, _ := strings.Cut(filepath.Base(keep), ".")
	delete(all, kept)
	byAge := slices.SortedFunc(maps.Values(all), func(a, b *old) int { return a.used.Compare(b.used) })
	for _, o := range byAge {
		if total <= c.MaxBytes {
			break
		}
		for _, path := range o.paths {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("clear inputs: %w", err)
			}
		}
		total -= o.size
	}
	return nil
}

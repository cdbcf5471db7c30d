package wasm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/rerig/rerig/node/runner"
)

// compileCache keeps modules and their native code on disk, by the module's
// hash. A module is compiled once, in a child of its own that runs no guest;
// job children only read. Beyond its size the least recently used go, except
// those being loaded.
//
// Layout of dir: code/ is wazero's cache. modules/<hash>.wasm is the module
// without its function bodies, which load faster and are in the code anyway;
// modules/<hash>.ref names the file under code/ and the SHA-256 of the .wasm
// file. tmp/ holds compilations that have not ended.
type compileCache struct {
	dir     string
	limit   int64
	compile func(ctx context.Context, dir string) error
	flight  singleflight.Group

	mu      sync.Mutex // guards what follows
	entries map[[32]byte]*cacheEntry
	bytes   int64
}

type cacheEntry struct {
	code  string   // relative to code/
	sum   [32]byte // of the stored module
	bytes int64
	used  time.Time
	loads int // children that are loading it now
}

func (c *compileCache) codeDir() string { return filepath.Join(c.dir, "code") }

func (c *compileCache) modulePath(sum [32]byte) string {
	return filepath.Join(c.dir, "modules", hex.EncodeToString(sum[:])+".wasm")
}

func (c *compileCache) refPath(sum [32]byte) string {
	return filepath.Join(c.dir, "modules", hex.EncodeToString(sum[:])+".ref")
}

// openCache reads the index back from the files and removes what is not whole.
func openCache(dir string, limit int64, compile func(ctx context.Context, dir string) error) (*compileCache, error) {
	c := &compileCache{dir: dir, limit: limit, compile: compile, entries: map[[32]byte]*cacheEntry{}}
	if err := os.RemoveAll(filepath.Join(dir, "tmp")); err != nil {
		return nil, fmt.Errorf("clear the compile cache: %w", err)
	}
	for _, d := range []string{"modules", "code", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("make the compile cache: %w", err)
		}
	}
	list, err := os.ReadDir(filepath.Join(dir, "modules"))
	if err != nil {
		return nil, fmt.Errorf("read the compile cache: %w", err)
	}
	for _, f := range list {
		name, ok := strings.CutSuffix(f.Name(), ".wasm")
		raw, err := hex.DecodeString(name)
		if !ok || err != nil || len(raw) != 32 {
			continue
		}
		sum := [32]byte(raw)
		e, err := c.readEntry(sum)
		if err != nil {
			c.removeFiles(sum, nil)
			continue
		}
		c.entries[sum] = e
		c.bytes += e.bytes
	}
	c.evict()
	return c, nil
}

func (c *compileCache) readEntry(sum [32]byte) (*cacheEntry, error) {
	module, err := os.Stat(c.modulePath(sum))
	if err != nil {
		return nil, err
	}
	ref, err := os.ReadFile(c.refPath(sum))
	if err != nil {
		return nil, err
	}
	e := &cacheEntry{used: module.ModTime()}
	name, sum16, _ := strings.Cut(string(ref), "\n")
	raw, err := hex.DecodeString(sum16)
	if err != nil || len(raw) != len(e.sum) || !filepath.IsLocal(name) {
		return nil, fmt.Errorf("cache reference %q is damaged", ref)
	}
	e.code, e.sum = name, [32]byte(raw)
	code, err := os.Stat(filepath.Join(c.codeDir(), e.code))
	if err != nil {
		return nil, err
	}
	e.bytes = module.Size() + code.Size() + int64(len(ref))
	return e, nil
}

// stored is where a module and its code are.
type stored struct {
	module, code string   // paths
	sum          [32]byte // of the file module
}

// acquire returns a module that is compiled and stays so until release. It compiles the module if need be; a bad module is a *Failure.
func (c *compileCache) acquire(ctx context.Context, s *runner.Spec) (stored, error) {
	for {
		if found, ok := c.pin(s.ModuleSHA256); ok {
			return found, nil
		}
		key := string(s.ModuleSHA256[:])
		done := c.flight.DoChan(key, func() (any, error) { return nil, c.add(context.WithoutCancel(ctx), s) })
		select {
		case <-ctx.Done():
			return stored{}, ctx.Err()
		case r := <-done:
			if r.Err != nil {
				return stored{}, r.Err
			}
		}
	}
}

func (c *compileCache) pin(sum [32]byte) (stored, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[sum]
	if e == nil {
		return stored{}, false
	}
	now := time.Now()
	// The file's time is the order after a restart; it need not be exact.
	if now.Sub(e.used) > time.Minute {
		_ = os.Chtimes(c.modulePath(sum), now, now)
	}
	e.used = now
	e.loads++
	return stored{c.modulePath(sum), filepath.Join(c.codeDir(), e.code), e.sum}, true
}

// release ends what acquire began.
func (c *compileCache) release(sum [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[sum]; e != nil {
		e.loads--
	}
	c.evict()
}

// drop forgets a module whose files turned out to be damaged.
func (c *compileCache) drop(sum [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[sum]; e != nil {
		c.remove(sum, e)
	}
}

// add compiles a module beside the cache and moves it in when it is whole.
func (c *compileCache) add(ctx context.Context, s *runner.Spec) error {
	tmp, err := os.MkdirTemp(filepath.Join(c.dir, "tmp"), "compile-")
	if err != nil {
		return fmt.Errorf("make room to compile: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := writeModule(s, filepath.Join(tmp, "module.wasm")); err != nil {
		return err
	}
	if err := c.compile(ctx, tmp); err != nil {
		return err
	}
	stub, err := os.ReadFile(filepath.Join(tmp, "stub.wasm"))
	if err != nil {
		return fmt.Errorf("store compiled module: %w", err)
	}
	// wazero made one directory, named for its version, with one file.
	found, err := filepath.Glob(filepath.Join(tmp, "code", "*", "*"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("compiling left %d files, want 1", len(found))
	}
	code, err := filepath.Rel(filepath.Join(tmp, "code"), found[0])
	if err != nil {
		return err
	}
	sum := s.ModuleSHA256
	ref := fmt.Sprintf("%s\n%x", code, sha256.Sum256(stub))
	c.mu.Lock()
	defer c.mu.Unlock()
	err = errors.Join(
		os.MkdirAll(filepath.Dir(filepath.Join(c.codeDir(), code)), 0o700),
		os.Rename(found[0], filepath.Join(c.codeDir(), code)),
		os.WriteFile(c.refPath(sum), []byte(ref), 0o600),
		os.Rename(filepath.Join(tmp, "stub.wasm"), c.modulePath(sum)),
	)
	if err != nil {
		return fmt.Errorf("store compiled module: %w", err)
	}
	e, err := c.readEntry(sum)
	if err != nil {
		return fmt.Errorf("store compiled module: %w", err)
	}
	e.used = time.Now()
	c.entries[sum] = e
	c.bytes += e.bytes
	c.evict()
	return nil
}

// evict removes the least recently used modules beyond the limit, but never
// the latest: a cache smaller than one module would compile for ever. The
// caller holds mu.
func (c *compileCache) evict() {
	for c.bytes > c.limit && len(c.entries) > 1 {
		var oldest [32]byte
		var e, latest *cacheEntry
		for _, x := range c.entries {
			if latest == nil || x.used.After(latest.used) {
				latest = x
			}
		}
		for sum, x := range c.entries {
			if x.loads <= 0 && x != latest && (e == nil || x.used.Before(e.used)) {
				oldest, e = sum, x
			}
		}
		if e == nil {
			return // all in use; release tries again
		}
		c.remove(oldest, e)
	}
}

func (c *compileCache) remove(sum [32]byte, e *cacheEntry) {
	delete(c.entries, sum)
	c.bytes -= e.bytes
	c.removeFiles(sum, e)
}

func (c *compileCache) removeFiles(sum [32]byte, e *cacheEntry) {
	_ = os.Remove(c.modulePath(sum))
	_ = os.Remove(c.refPath(sum))
	if e != nil {
		_ = os.Remove(filepath.Join(c.codeDir(), e.code))
	}
}

// writeModule copies the module to path and checks its hash on the way.
func writeModule(s *runner.Spec, path string) error {
	var src io.Reader
	switch {
	case s.Module != nil:
		if len(s.Module) > MaxModuleBytes {
			return &runner.Failure{Kind: runner.FailureBadModule, Detail: fmt.Sprintf("module is over %d bytes", MaxModuleBytes)}
		}
		src = bytes.NewReader(s.Module)
	case s.ModulePath != "":
		f, err := os.Open(s.ModulePath)
		if err != nil {
			return fmt.Errorf("open the module: %w", err)
		}
		defer f.Close()
		src = f
	default:
		return fmt.Errorf("module %x is not in the compile cache: %w", s.ModuleSHA256, fs.ErrNotExist)
	}
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copy the module: %w", err)
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, h), io.LimitReader(src, MaxModuleBytes+1))
	if err = errors.Join(err, dst.Sync(), dst.Close()); err != nil {
		return fmt.Errorf("copy the module: %w", err)
	}
	if n > MaxModuleBytes {
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: fmt.Sprintf("module is over %d bytes", MaxModuleBytes)}
	}
	if got := [32]byte(h.Sum(nil)); got != s.ModuleSHA256 {
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: fmt.Sprintf("module has SHA-256 %x, want %x", got, s.ModuleSHA256)}
	}
	return nil
}

package wasm

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rerig/rerig/node/runner"
)

// variant is the empty module with a custom section, so that it has its own hash.
func variant(n byte) runner.Spec {
	s := wat("empty")
	s.Module = append(s.Module, 0, 3, 1, 'v', n)
	return s
}

func diskUse(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, info fs.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// TestCacheStaysWithinItsBytes runs more modules than fit; the disk use stays
// bounded, and a module that was used lately is still there.
func TestCacheStaysWithinItsBytes(t *testing.T) {
	const limit = 2 << 10
	r := newRunner(t, func(c *Config) { c.CacheBytes = limit })
	kept := variant(0)
	for n := range byte(20) {
		do(t, r, variant(n+1))
		do(t, r, kept)
	}
	if used := diskUse(t, r.cache.dir); used > limit {
		t.Errorf("cache takes %d bytes, over its limit of %d", used, limit)
	}
	if err := check(&kept); err != nil {
		t.Fatal(err)
	}
	kept.Module = nil // only the cache can have it
	if res, _, _ := do(t, r, kept); res.Failure != nil {
		t.Errorf("recent module: %v", res.Failure)
	}
	old := variant(1)
	if err := check(&old); err != nil {
		t.Fatal(err)
	}
	old.Module = nil
	if _, err := r.Start(context.Background(), old, nil, nil); err == nil {
		t.Error("the least recently used module is still there")
	}
}

// TestCacheSurvivesRestart: the next runner on the directory finds the module.
func TestCacheSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	s := guest("exit", "5")
	t.Run("first", func(t *testing.T) {
		do(t, newRunner(t, func(c *Config) { c.DataDir = dir }), s)
	})
	if err := check(&s); err != nil {
		t.Fatal(err)
	}
	s.Module = nil
	t.Run("second", func(t *testing.T) {
		r := newRunner(t, func(c *Config) { c.DataDir = dir })
		if res, _, _ := do(t, r, s); res.ExitCode != 5 {
			t.Errorf("result %+v", res)
		}
	})
}

// TestDamagedCacheHeals: a damaged file fails the job that meets it, without
// running anything, and the module is compiled again for the next.
func TestDamagedCacheHeals(t *testing.T) {
	for _, part := range []string{"modules/*.wasm", "code/*/*"} {
		r := newRunner(t, func(c *Config) { c.Warm = -1 })
		s := guest("exit", "5")
		do(t, r, s)
		files, err := filepath.Glob(filepath.Join(r.cache.dir, filepath.FromSlash(part)))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := r.Start(context.Background(), s, io.Discard, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := j.Wait(); err == nil || res.Failure.Kind != runner.FailureInternal {
			t.Errorf("%s damaged: %+v, %v", part, res, err)
		}
		if res, _, _ := do(t, r, s); res.ExitCode != 5 {
			t.Errorf("%s, once compiled again: %+v", part, res)
		}
	}
}

// TestModulesThatDifferInBodiesAlone are not taken for one another.
func TestModulesThatDifferInBodiesAlone(t *testing.T) {
	r := newRunner(t)
	for range 2 {
		if res, _, _ := do(t, r, wat("empty")); res.Failure != nil {
			t.Errorf("empty: %v", res.Failure)
		}
		if res, _, _ := do(t, r, wat("trap")); res.Failure == nil || res.Failure.Kind != runner.FailureTrap {
			t.Errorf("trap: %+v", res)
		}
	}
}

func TestMissingSandboxNamesTheFix(t *testing.T) {
	_, err := openProgram(fstest.MapFS{}, "", t.TempDir())
	if err == nil {
		t.Fatal("there is a sandbox in nothing")
	}
	if want := "make build"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not name %q", err, want)
	}
}

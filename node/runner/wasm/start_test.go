//go:build unix

package wasm

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// BenchmarkStart runs a job, from Start to Wait, in turn with the same module under plain
// wazero in a process of its own, which keeps compiled code too: a module that does nothing,
// one that Go made, and that one where neither has seen it before.
func BenchmarkStart(b *testing.B) {
	b.Run("warm", func(b *testing.B) { start(b, wat("empty"), false) })
	b.Run("warm-go", func(b *testing.B) { start(b, guest(), false) })
	b.Run("cold-go", func(b *testing.B) { start(b, guest(), true) })
}

func start(b *testing.B, s runner.Spec, cold bool) {
	r := newRunner(b)
	dir := b.TempDir()
	program, module := filepath.Join(dir, "bare"), filepath.Join(dir, "module.wasm")
	if err := build(program, "./testdata/bare"); err != nil {
		b.Fatal(err)
	}
	plain := s.Module
	one := func(i uint64) (ours, theirs time.Duration) {
		if cold {
			s.Module = numbered(plain, i)
		}
		s.ModuleSHA256 = sha256.Sum256(s.Module)
		if err := os.WriteFile(module, s.Module, 0o600); err != nil {
			b.Fatal(err)
		}
		waitFor(b, "rest", func() bool { return atRest(r) })
		begun := time.Now()
		j, err := r.Start(b.Context(), s, io.Discard, io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		if res, err := j.Wait(); err != nil || res.Failure != nil || res.ExitCode != 0 {
			b.Fatal(res, err)
		}
		ours = time.Since(begun)
		waitFor(b, "rest", func() bool { return atRest(r) })
		begun = time.Now()
		if out, err := exec.Command(program, filepath.Join(dir, "cache"), module).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		return ours, time.Since(begun)
	}
	one(0) // compiles
	var ours, theirs []time.Duration
	for b.Loop() {
		o, t := one(uint64(len(ours) + 1))
		ours, theirs = append(ours, o), append(theirs, t)
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	mine, bare := ours[len(ours)/2], theirs[len(theirs)/2]
	b.ReportMetric(float64(mine)/1e6, "ms")
	b.ReportMetric(float64(bare)/1e6, "bare-ms")
	b.ReportMetric(float64(mine)/float64(bare), "ratio")
	b.ReportMetric(0, "ns/op")
}

// numbered is a module that nobody has seen before: one more custom section, "n" and a number.
func numbered(module []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(slices.Clone(module), 0, 10, 1, 'n'), n)
}

//go:build linux

package gvisor

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner/cgroup"
)

// shipped runs an engine with the sandbox program that rerig embeds.
func shipped(b *testing.B) *Engine {
	if os.Geteuid() != 0 {
		b.Skip("needs root: run the benchmarks as root")
	}
	if _, err := embedded(); err != nil {
		b.Skip("needs the sandbox program: make embedded")
	}
	p, err := cgroup.Open("gvisorbench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := p.Close(); err != nil {
			b.Error(err)
		}
	})
	return run(b, Config{DataDir: b.TempDir(), Program: rigProgram, Parent: p})
}

// BenchmarkStart runs a program that does nothing, from Start to Wait, in turn with the same
// program under gVisor's own command line, as well isolated from the host's files. Ours has
// an output directory too, as every job of a rig.
func BenchmarkStart(b *testing.B) {
	e, bare := shipped(b), newBare(b)
	var ours, theirs, ourCPU, theirCPU []time.Duration
	for b.Loop() {
		s := spec("nothing")
		s.OutDir, s.OutputBytes, s.OutputFiles = b.TempDir(), 1<<20, 8
		begun := time.Now()
		j, err := e.Start(b.Context(), s, io.Discard, io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		if res, err := j.Wait(); err != nil || res.Failure != nil || res.ExitCode != 0 {
			b.Fatal(res, err)
		}
		ours = append(ours, time.Since(begun))
		ourCPU = append(ourCPU, j.(*Job).meter.cpu)
		took, cpu := bare.run(b, e.config.Parent, "nothing")
		theirs, theirCPU = append(theirs, took), append(theirCPU, cpu)
	}
	compare(b, ours, theirs, "ms", "bare-ms", "ratio")
	compare(b, ourCPU, theirCPU, "cpu-ms", "bare-cpu-ms", "cpu-ratio")
}

// BenchmarkInteger computes natively and in a job, in turn, and compares the CPU time that the
// kernel counts for both.
func BenchmarkInteger(b *testing.B) {
	e := open(b)
	var inside, native []time.Duration
	for b.Loop() {
		res, out := do(b, e, spec("integer"))
		if res.Failure != nil || res.ExitCode != 0 {
			b.Fatal(res, out)
		}
		inside = append(inside, time.Duration(res.Usage.CPUMillis)*time.Millisecond)
		cmd := exec.Command(filepath.Join(guestRoot, "guest"), "integer")
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		native = append(native, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	compare(b, inside, native, "inside-ms", "native-ms", "ratio")
}

// BenchmarkIdle holds four sandboxes whose job waits, and reports the memory of one: what
// its processes hold alone, and their share of what they share.
func BenchmarkIdle(b *testing.B) {
	e := shipped(b)
	const jobs = 4
	var bytes uint64
	for b.Loop() {
		bytes = 0
		for range jobs {
			said := newNotice()
			j, err := e.Start(b.Context(), spec("idle"), said, io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			<-said.seen
			defer j.Stop()
			for _, pid := range tree(j.(*Job).meter.pid) {
				bytes += proportional(b, pid)
			}
		}
	}
	b.ReportMetric(float64(bytes)/jobs/(1<<20), "MiB/sandbox")
}

// bare is gVisor's own command line.
type bare struct {
	program, dir string
	n            int
}

func newBare(b *testing.B) *bare {
	r := &bare{program: filepath.Join(b.TempDir(), "runsc"), dir: b.TempDir()}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", r.program, "./internal/bare")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.Cleanup(func() { _ = unix.Unmount(filepath.Join(r.dir, "state/null-netns"), unix.MNT_DETACH) }) // where gVisor keeps it
	return r
}

// run runs a program of the tests' root, and says how long it took and what CPU time.
func (r *bare) run(b *testing.B, p *Parent, args ...string) (took, cpu time.Duration) {
	text, err := json.Marshal(&specs.Spec{
		Version: specs.Version,
		Root:    &specs.Root{Path: guestRoot},
		Process: &specs.Process{Args: append([]string{"/guest"}, args...), Cwd: "/"},
		Linux:   &specs.Linux{},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "config.json"), text, 0o600); err != nil {
		b.Fatal(err)
	}
	r.n++
	cmd := exec.Command(r.program, "--root="+filepath.Join(r.dir, "state"), "--ignore-cgroups", "--network=none", "--directfs=false",
		"run", "--bundle="+r.dir, fmt.Sprint("bare-", r.n))
	group, err := p.New("bare", cgroup.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	if err := group.Start(cmd); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	took = time.Since(begun)
	if err := group.Close(); err != nil {
		b.Fatal(err)
	}
	cpu, _, err = group.Usage()
	if err != nil {
		b.Fatal(err)
	}
	return took, cpu
}

// compare gives the medians of both and their ratio.
func compare(b *testing.B, ours, theirs []time.Duration, our, their, ratio string) {
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2]) / 1e6
	}
	b.ReportMetric(median(ours), our)
	b.ReportMetric(median(theirs), their)
	b.ReportMetric(median(ours)/median(theirs), ratio)
	b.ReportMetric(0, "ns/op")
}

// proportional is a process's share of memory, in bytes.
func proportional(b *testing.B, pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0 // it has no memory of its own
	}
	for line := range strings.Lines(string(text)) {
		var kib uint64
		if _, err := fmt.Sscanf(line, "Pss: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	b.Fatalf("no Pss in %q", text)
	return 0
}

package conformance

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// turns is how often a loop is run in one process, of which each is timed.
const turns = 3

// Loops compares an engine of containers with the host: the same program runs an integer
// loop, a product of 32-bit float matrices, a loop of system calls and one that writes and
// reads a file, inside and on the host in turn, in jobs of one core and of two: who stands
// between a program and the kernel may want the second. It reports the median of each, in ms
// by the program's clock, and their ratio.
func Loops(b *testing.B, target Target) {
	s := open(b, target)
	for _, cores := range []int{1, 2} {
		for _, name := range []string{"integer", "float", "calls", "files"} {
			b.Run(fmt.Sprintf("%s_%d", name, cores), func(b *testing.B) { s.loops(b, name, cores) })
		}
	}
}

func (s *suite) loops(b *testing.B, name string, cores int) {
	if runtime.NumCPU() < cores {
		b.Skipf("needs %d cores: run it on a machine that has them", cores)
	}
	var inside, native []time.Duration
	for b.Loop() {
		native = append(native, s.loopOnHost(b, name)...)
		inside = append(inside, s.loopInside(b, name, cores)...)
	}
	ours, theirs := median(inside), median(native)
	b.ReportMetric(ours, "inside-ms")
	b.ReportMetric(theirs, "native-ms")
	b.ReportMetric(ours/theirs, "ratio")
	b.ReportMetric(0, "ns/op")
}

func (s *suite) loopInside(b *testing.B, name string, cores int) []time.Duration {
	spec := s.job("loop", name, fmt.Sprint(turns), "/out")
	spec.OutDir, spec.CPUs = b.TempDir(), cores
	var out, wrong bytes.Buffer
	j, err := s.engine.Start(b.Context(), spec, &out, &wrong)
	if err != nil {
		b.Fatal(err)
	}
	if res, err := j.Wait(); err != nil || res.Failure != nil || res.ExitCode != 0 {
		b.Fatal(res, err, wrong.String())
	}
	return durations(b, out.String())
}

func (s *suite) loopOnHost(b *testing.B, name string) []time.Duration {
	out, err := exec.Command(filepath.Join(s.guest.root, "guest"), "loop", name, fmt.Sprint(turns), b.TempDir()).Output()
	if err != nil {
		b.Fatal(err)
	}
	return durations(b, string(out))
}

// durations are the lines that the loop said.
func durations(b *testing.B, said string) (list []time.Duration) {
	for _, line := range strings.Fields(said) {
		d, err := time.ParseDuration(line + "ns")
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, d)
	}
	if len(list) != turns {
		b.Fatalf("%d lines came, want %d: %s", len(list), turns, said)
	}
	return list
}

// median is in milliseconds.
func median(list []time.Duration) float64 {
	slices.Sort(list)
	return float64(list[len(list)/2]) / float64(time.Millisecond)
}

//go:build linux

package namespaces

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/conformance"
)

// BenchmarkStart runs a program that does nothing, from Start to Wait, in turn with the same
// program on the host. The ratio is against the host's, which has no walls at all.
func BenchmarkStart(b *testing.B) {
	e := serve(b)
	var inside, native []time.Duration
	for b.Loop() {
		native = append(native, onHost(b, "exit", "0"))
		inside = append(inside, inJob(b, e, job("exit", "0")))
	}
	b.ReportMetric(middle(inside), "ms")
	b.ReportMetric(middle(native), "native-ms")
	b.ReportMetric(middle(inside)-middle(native), "sandbox-ms")
}

// BenchmarkCompute compares the time of a computation inside with the host's.
func BenchmarkCompute(b *testing.B) {
	e := serve(b)
	var inside, native []time.Duration
	for b.Loop() {
		native = append(native, computed(b, func(out io.Writer) func() {
			cmd := exec.Command(filepath.Join(guestRoot, "guest"), "burn", "100")
			cmd.Stdout = out
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			return func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
		}))
		inside = append(inside, computed(b, func(out io.Writer) func() {
			j, err := e.Start(context.Background(), job("burn", "100"), out, io.Discard)
			if err != nil {
				b.Fatal(err)
			}
			return func() {
				j.Stop()
				_, _ = j.Wait()
			}
		}))
	}
	b.ReportMetric(middle(inside)/middle(native), "ratio")
	b.ReportMetric(middle(native), "native-ms")
}

// computed is the time between a program's lines "begin" and "end".
func computed(b *testing.B, start func(out io.Writer) (stop func())) time.Duration {
	r, w := io.Pipe()
	stop := start(w)
	defer stop()
	defer r.Close()
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		b.Fatal("the program did not begin")
	}
	begun := time.Now()
	if !lines.Scan() {
		b.Fatal("the program did not end")
	}
	return time.Since(begun)
}

func onHost(b *testing.B, args ...string) time.Duration {
	begun := time.Now()
	if err := exec.Command(filepath.Join(guestRoot, "guest"), args...).Run(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}

func inJob(b *testing.B, e *Engine, s runner.Spec) time.Duration {
	begun := time.Now()
	j, err := e.Start(context.Background(), s, io.Discard, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	if res, err := j.Wait(); err != nil || res.Failure != nil || res.ExitCode != 0 {
		b.Fatal(res, res.Failure, err)
	}
	return time.Since(begun)
}

// middle is the median, in milliseconds.
func middle(list []time.Duration) float64 {
	slices.Sort(list)
	return float64(list[len(list)/2].Microseconds()) / 1000
}

// BenchmarkLoops compares computing, system calls and files inside with the host's.
func BenchmarkLoops(b *testing.B) { conformance.Loops(b, target()) }

package testnet_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scenarioTime bounds one script; none should come near it.
const scenarioTime = 3 * time.Minute

// scenarioEnv tells the test binary which script to play.
const scenarioEnv = "RERIG_TESTNET_SCENARIO"

// Scripts in testdata/scenario play money and failures on a real network, the way
// etcd-raft's interaction tests do. A block is some commands, a line of four dashes
// and what came out, up to an empty line; go test -update rewrites what came out.
// After each script the books of all members are held against the chain, to the
// base unit, and no goroutine may be left: so each has a process, and TestMain looks.
func TestScenarios(t *testing.T) {
	if only := os.Getenv(scenarioEnv); only != "" {
		scenario(t, only)
		return
	}
	t.Parallel()
	files, err := filepath.Glob("testdata/scenario/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestScenarios$", fmt.Sprint("-update=", *update))
			cmd.Env = append(os.Environ(), scenarioEnv+"="+f)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// scenario plays the script in a file.
func scenario(t *testing.T, file string) {
	t.Helper()
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := play(t, string(script))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(script) {
		t.Errorf("another outcome than in %s (go test -update rewrites it):\n%s", file, difference(string(script), got))
	}
}

// play runs a script's commands and returns it with what came out.
func play(t *testing.T, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scenarioTime)
	defer cancel()
	w := newWorld(t)
	var out strings.Builder
	for i, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		commands, _, _ := strings.Cut(block+"\n", "----\n")
		var trace strings.Builder
		w.out = &trace
		for _, line := range strings.Split(commands, "\n") {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := w.command(ctx, line); err != nil {
				w.close()
				t.Fatalf("%q: %v\noutput so far:\n%s%s\nlog:\n%s", line, err, out.String(), trace.String(), w.logs.tail())
			}
		}
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString(strings.TrimRight(commands, "\n") + "\n")
		if trace.Len() > 0 {
			out.WriteString("----\n" + w.tidy(trace.String()))
		}
	}
	if err := w.conserve(ctx); err != nil {
		w.close()
		t.Fatalf("the books do not agree: %v\noutput:\n%s\nlog:\n%s", err, out.String(), w.logs.tail())
	}
	if err := w.close(); err != nil {
		t.Fatalf("end of the network: %v", err)
	}
	return out.String()
}

// difference shows the first lines that differ.
func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d\nwant %s\n got %s\n\nall:\n%s", i+1, x, y, got)
		}
	}
	return "no line differs"
}

// arguments of a command: what it is about, and its settings.
type arguments struct {
	names []string
	set   map[string]string
}

func parse(line string) (verb string, a arguments) {
	words := strings.Fields(line)
	a.set = map[string]string{}
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			a.set[k] = v
		} else {
			a.names = append(a.names, expand(w)...)
		}
	}
	return words[0], a
}

// expand turns r1..r8 into eight names.
func expand(w string) []string {
	first, last, ok := strings.Cut(w, "..")
	if !ok {
		return []string{w}
	}
	var stem string
	var from, to int
	stem = strings.TrimRight(first, "0123456789")
	if _, err := fmt.Sscan(first[len(stem):]+" "+strings.TrimPrefix(last, stem), &from, &to); err != nil {
		return []string{w}
	}
	var names []string
	for i := from; i <= to; i++ {
		names = append(names, fmt.Sprint(stem, i))
	}
	return names
}

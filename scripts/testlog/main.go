// Command testlog reads what `go test -json` writes and prints what people read: one
// line for a package that passes, with its slowest tests if it was slow, and the output of
// what fails. A test that skips itself is a test left out: it goes with its reason to the
// file LEFT.
//
// The exit code of go test is the shell's to keep (pipefail).
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json … | testlog LEFT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	left, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := tell(os.Stdin, os.Stdout, left); err != nil {
		return err
	}
	return left.Close()
}

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // seconds, at the end of a test or package
}

// teller keeps what a test has written until it is known whether anybody wants it.
type teller struct {
	out, left io.Writer
	written   map[string]string   // by test; of the package itself under its own name
	running   map[string][]string // tests of a package that have not passed, in order
	took      map[string][]event  // the tests of a package that have passed
}

// A package that takes slowPackage seconds names the slowest of its tests.
const slowPackage, slowestTests = 20, 3

func tell(in io.Reader, out, left io.Writer) error {
	t := &teller{out: out, left: left, written: map[string]string{}, running: map[string][]string{}, took: map[string][]event{}}
	for r := bufio.NewReader(in); ; {
		line, err := r.ReadString('\n')
		var e event
		switch {
		case line == "": // the end
		case json.Unmarshal([]byte(line), &e) != nil:
			fmt.Fprint(out, line) // a crash writes as it likes
		default:
			t.event(&e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *teller) event(e *event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(t.out, e.Output)
	case "run":
		t.running[e.Package] = append(t.running[e.Package], e.Test)
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") {
			t.written[key] += e.Output
		}
	case "skip":
		if e.Test != "" {
			fmt.Fprintf(t.left, "%s %s: %s\n", e.Package, e.Test, reason(t.written[key]))
		}
		delete(t.written, key)
	case "pass":
		if e.Test == "" {
			t.passed(e)
		} else if !strings.Contains(e.Test, "/") {
			t.took[e.Package] = append(t.took[e.Package], *e)
		}
		delete(t.written, key)
	case "fail":
		if e.Test == "" {
			t.failed(e.Package)
		}
	}
}

// passed prints the package's last line, which has its time.
func (t *teller) passed(e *event) {
	lines := strings.Split(strings.TrimSpace(t.written[e.Package+" "]), "\n")
	last := lines[len(lines)-1]
	if e.Elapsed >= slowPackage {
		took := t.took[e.Package]
		slices.SortStableFunc(took, func(a, b event) int { return cmp.Compare(b.Elapsed, a.Elapsed) })
		for _, test := range took[:min(slowestTests, len(took))] {
			last += fmt.Sprintf("  %s %.0fs", test.Test, test.Elapsed)
		}
	}
	fmt.Fprintln(t.out, last)
}

// failed prints what its tests wrote that failed or had not ended, then the rest.
func (t *teller) failed(pkg string) {
	for _, test := range append(t.running[pkg], "") {
		fmt.Fprint(t.out, t.written[pkg+" "+test])
		delete(t.written, pkg+" "+test)
	}
}

var source = regexp.MustCompile(`\S+\.go:\d+: `)

// reason is what a test that skipped itself said.
func reason(text string) string {
	var said []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(source.ReplaceAllString(line, "")); line != "" && !strings.HasPrefix(line, "--- SKIP") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

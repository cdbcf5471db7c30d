package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `package sample

import "testing"

func TestPasses(t *testing.T) { t.Log("nobody reads this") }

func TestSkips(t *testing.T) { t.Run("one", func(t *testing.T) { t.Skip("no moon tonight") }) }
`

// TestTold: a package that passes is one line, one that fails is told in full, and
// what skipped itself is left out by name and reason.
func TestTold(t *testing.T) {
	out, left := told(t, sample)
	if !strings.HasPrefix(out, "ok") || strings.Count(out, "\n") != 1 {
		t.Errorf("a package that passes: %q", out)
	}
	if left != "sample TestSkips/one: no moon tonight\n" {
		t.Errorf("left out: %q", left)
	}
	for cause, code := range map[string]string{
		"because it must":     `func TestFails(t *testing.T) { t.Run("two", func(t *testing.T) { t.Error("because it must") }) }`,
		"panic: at the disco": `func TestPanics(t *testing.T) { panic("at the disco") }`,
		"undefined: nowhere":  `func TestBuilds(t *testing.T) { nowhere() }`,
	} {
		out, _ := told(t, sample+code)
		if !strings.Contains(out, cause) || !strings.Contains(out, "FAIL") || strings.Contains(out, "nobody reads this") {
			t.Errorf("%s: %q", cause, out)
		}
	}
}

// TestSlow: a package that took long names the tests to look at first.
func TestSlow(t *testing.T) {
	var in, out, left strings.Builder
	for _, took := range []string{"TestA 3", "TestB 9.6", "TestB/part 9.5", "TestC 1", "TestD 5"} {
		name, seconds, _ := strings.Cut(took, " ")
		fmt.Fprintf(&in, `{"Action":"pass","Package":"p","Test":%q,"Elapsed":%s}`+"\n", name, seconds)
	}
	in.WriteString(`{"Action":"output","Package":"p","Output":"ok  \tp\t20.5s\n"}` + "\n")
	in.WriteString(`{"Action":"pass","Package":"p","Elapsed":20.5}` + "\n")
	if err := tell(strings.NewReader(in.String()), &out, &left); err != nil {
		t.Fatal(err)
	}
	if want := "ok  \tp\t20.5s  TestB 10s  TestD 5s  TestA 3s\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// told is what go test on a package of one file comes to.
func told(t *testing.T, code string) (string, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module sample\n", "sample_test.go": code} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-json", "-vet=off", ".")
	cmd.Dir = dir
	b, _ := cmd.Output() // it fails where it must
	var out, left strings.Builder
	if err := tell(strings.NewReader(string(b)), &out, &left); err != nil {
		t.Fatal(err)
	}
	return out.String(), left.String()
}

package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestVerbose: what a node does is told with --verbose, what goes wrong always.
func TestVerbose(t *testing.T) {
	for _, c := range []struct {
		flags        string
		told, warned bool
	}{{"", false, true}, {"--verbose", true, true}, {"-v", true, true}, {"--quiet", false, true}} {
		var out strings.Builder
		a := &app{stderr: &out}
		if err := a.root().ParseFlags(strings.Fields(c.flags)); err != nil {
			t.Fatal(err)
		}
		log := a.logger(slog.LevelWarn)
		log.Debug("dialled")
		log.Warn("the disk is full")
		if got := out.String(); strings.Contains(got, "dialled") != c.told || strings.Contains(got, "the disk is full") != c.warned {
			t.Errorf("with %q it says %q", c.flags, got)
		}
	}
}

// TestJournal: standard error is JSON where it is the stream that systemd names, and only there.
func TestJournal(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: systemd is nowhere else")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stream := exec.Command("stat", "-c", "%d:%i", f.Name())
	name, err := stream.Output()
	if err != nil {
		t.Fatal(err)
	}
	for journal, begins := range map[string]string{strings.TrimSpace(string(name)): `{"time":"`, "1:1": "rerig: ", "": "rerig: "} {
		t.Setenv("JOURNAL_STREAM", journal)
		a := &app{stdout: io.Discard, stderr: f}
		if err := errors.Join(f.Truncate(0), seekStart(f)); err != nil {
			t.Fatal(err)
		}
		if code := a.execute(t.Context(), []string{"status", "--data-dir", filepath.Join(t.TempDir(), "absent")}); code != exitFailed {
			t.Errorf("exit code %d", code)
		}
		got, err := os.ReadFile(f.Name())
		if err != nil || !strings.HasPrefix(string(got), begins) {
			t.Errorf("with JOURNAL_STREAM=%q it says %q %v", journal, got, err)
		}
	}
}

func seekStart(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

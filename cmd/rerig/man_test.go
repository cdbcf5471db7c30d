package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/cmd/rerig/manpages"
)

// TestManPages: every command has a page with all its flags, which groff sets without a
// warning, man shows, and which is the same each time.
func TestManPages(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		if err := manpages.Write((&app{stdout: io.Discard, stderr: io.Discard}).root(), dir, "rerig 1", day); err != nil {
			t.Fatal(err)
		}
	}
	pages := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() {
			return
		}
		pages++
		hasPage(t, dirs, c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := (&app{stdout: io.Discard, stderr: io.Discard}).root()
	walk(root)
	if files, err := os.ReadDir(dirs[0]); err != nil || len(files) != pages || pages < 30 {
		t.Errorf("%d pages of %d commands, %v", len(files), pages, err)
	}
}

func hasPage(t *testing.T, dirs [2]string, c *cobra.Command) {
	t.Helper()
	name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
	text, err := os.ReadFile(filepath.Join(dirs[0], name))
	if err != nil {
		t.Error(err)
		return
	}
	if other, err := os.ReadFile(filepath.Join(dirs[1], name)); err != nil || !bytes.Equal(text, other) {
		t.Errorf("%s differs from one time to the next, %v", name, err)
	}
	if _, err := exec.LookPath("groff"); err == nil {
		cmd := exec.CommandContext(t.Context(), "groff", "-man", "-ww", "-Tutf8", "-P-cbou", "-K", "utf8", filepath.Join(dirs[0], name))
		var warnings, shown bytes.Buffer
		cmd.Stdout, cmd.Stderr = &shown, &warnings
		if err := cmd.Run(); err != nil || warnings.Len() > 0 || !strings.Contains(shown.String(), "OPTIONS") {
			t.Errorf("%s: groff says %s, %v", name, warnings.String(), err)
		}
	}
	plain := strings.NewReplacer(`\-`, "-", `\fB`, "", `\fP`, "").Replace(string(text))
	for _, usage := range strings.Split(c.LocalFlags().FlagUsages(), "\n") {
		if at := strings.Index(usage, "--"); at >= 0 {
			if flag := strings.Fields(usage[at:])[0]; !strings.Contains(plain, flag) {
				t.Errorf("%s does not have %s", name, flag)
			}
		}
	}
}

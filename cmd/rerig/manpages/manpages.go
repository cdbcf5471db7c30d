// Package manpages writes the manual of a command and all that are below it, a page each in
// section 1. Only the build of a release and the tests contain it: the build tag man adds it
// to rerig as a command, which `make man` runs.
package manpages

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Write writes the pages into a directory, which it makes. The same command, version and day
// give the same bytes.
func Write(root *cobra.Command, dir, version string, day time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("man pages: %w", err)
	}
	prepare(root)
	return write(root, dir, version, day)
}

func write(c *cobra.Command, dir, version string, day time.Time) error {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
			if err := write(sub, dir, version, day); err != nil {
				return err
			}
		}
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	f, err := os.Create(filepath.Join(dir, name+".1"))
	if err != nil {
		return fmt.Errorf("man pages: %w", err)
	}
	header := &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Date: &day, Source: version, Manual: "Rerig"}
	if err := doc.GenMan(c, header, f); err != nil {
		f.Close()
		return fmt.Errorf("man page of %s: %w", c.CommandPath(), err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("man pages: %w", err)
	}
	return nil
}

// prepare makes help texts the Markdown that cobra takes them for: what is indented stays as
// it is, and signs that mean something there are signs.
func prepare(c *cobra.Command) {
	c.DisableAutoGenTag = true
	c.InitDefaultHelpFlag()
	lines := strings.Split(c.Long, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") {
			if i > 0 && lines[i-1] != "" && !strings.HasPrefix(lines[i-1], "    ") {
				lines[i-1] += "\n"
			}
			lines[i] = "    " + strings.TrimPrefix(line, "  ")
			continue
		}
		lines[i] = plain.Replace(line)
	}
	c.Long = strings.Join(lines, "\n")
	for _, sub := range c.Commands() {
		prepare(sub)
	}
}

var plain = strings.NewReplacer("*", `\*`, "_", `\_`, "<", "&lt;", "`", "")

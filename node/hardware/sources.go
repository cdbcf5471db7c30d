package hardware

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What is read of a machine at most. All of it comes from a kernel or a driver, which
// may be broken; none of it may cost a rig its memory.
const (
	maxCards    = 64
	maxText     = 4 << 10  // one file of sysfs or procfs
	maxListing  = 64 << 10 // one larger file, such as a process's fdinfo
	maxName     = 128      // a name that is shown
	maxEntries  = 1 << 16  // entries of one directory
	maxOpenable = 1 << 12  // descriptors of one process
)

// Sources is where a machine is read from: everything that this package looks at lies
// below one of these, so that a test can give it a machine of its own.
type Sources struct {
	// Sys, Proc and Dev are the directories that the kernel keeps.
	Sys, Proc, Dev string
	// Root is where programs and driver libraries are looked for.
	Root string
	// Run runs a driver's tool, an absolute path below Root, and returns what it wrote.
	// It must bound both time and output; nil runs a child process that way.
	Run func(ctx context.Context, tool string, args ...string) ([]byte, error)
	// ToolTime is how long the tools of one driver may take together; 0 for 30 s.
	ToolTime time.Duration
}

// Machine is this machine.
func Machine() Sources { return Below("/") }

// Below is a machine whose root directory is dir.
func Below(dir string) Sources {
	return Sources{Sys: filepath.Join(dir, "sys"), Proc: filepath.Join(dir, "proc"), Dev: filepath.Join(dir, "dev"),
		Root: dir, Run: (&tools{}).run}
}

// text reads a small file, without the space around it; "" when there is none.
func text(path ...string) string {
	b, err := readFile(filepath.Join(path...), maxText)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// number reads a file that holds one decimal number.
func number(path ...string) (uint64, bool) {
	n, err := strconv.ParseUint(text(path...), 10, 64)
	return n, err == nil
}

// readFile reads at most limit bytes of a regular file. A pipe in its place is refused
// before it is opened, because opening one waits for its other end.
func readFile(path string, limit int64) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New(path + " is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// names lists a directory, in order; none when it cannot be read.
func names(path ...string) []string {
	d, err := os.Open(filepath.Join(path...))
	if err != nil {
		return nil
	}
	defer d.Close()
	all, err := d.Readdirnames(maxEntries)
	if err != nil {
		return nil
	}
	return sorted(all)
}

// clean makes text of a tool or a kernel fit to be shown: printable ASCII, one line, and
// not long.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxName {
		s = s[:maxName]
	}
	return s
}

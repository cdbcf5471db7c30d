// Package powercut finds out what a program's files are after the power has gone. A
// killed process leaves everything it wrote; a machine without power leaves what was
// fsynced, and of the rest anything. Record runs a program under strace and keeps
// each change it makes below a directory; Recording.Files then makes up the
// directory as it may be after a cut at any of its system calls.
//
// It stands on strace (Debian's package of that name) and on Linux. Tests use it;
// start at Record.
package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// followed are the system calls that change files, or that tell somebody something.
const followed = "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,fdatasync," +
	"unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,sync_file_range,copy_file_range,sendfile"

// ErrNoStrace says that there is no strace, or that it may not trace here.
var ErrNoStrace = errors.New("strace cannot run here; install it, and let it trace")

// Recording is what a program did to the files below a directory, in order.
type Recording struct {
	root   string
	base   map[string][]byte // durable files before it began
	dirs   []string          // durable directories before it began
	events []event
}

// Record runs the command to its end, however it ends, and returns what it did below
// root and what it wrote to its standard output. The command's output must not be
// set. What is in root when it begins counts as durable.
func Record(cmd *exec.Cmd, root string) (*Recording, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoStrace, err)
	}
	r := &Recording{root: filepath.Clean(root), base: map[string][]byte{}}
	if err := r.readBase(); err != nil {
		return nil, err
	}
	trace, err := os.CreateTemp("", "powercut-*.strace")
	if err != nil {
		return nil, fmt.Errorf("keep the trace: %w", err)
	}
	defer os.Remove(trace.Name())
	defer trace.Close()
	cmd.Args = append([]string{"strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "100000000", "-e", "trace=" + followed,
		"-e", "signal=none", "-o", trace.Name(), "--", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = strace
	var told, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &told, &log
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("strace: %w", err)
	}
	if strings.Contains(log.String(), "strace: ") {
		return nil, fmt.Errorf("%w: %s", ErrNoStrace, &log)
	}
	if r.events, err = parse(trace, r.root); err != nil {
		return nil, err
	}
	if told.String() != r.told() {
		return nil, fmt.Errorf("the trace has %q, the program told %q", r.told(), &told)
	}
	return r, nil
}

func (r *Recording) readBase() error {
	return filepath.WalkDir(r.root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			r.dirs = append(r.dirs, path)
		case d.Type().IsRegular():
			r.base[path], err = os.ReadFile(path)
		}
		return err
	})
}

// Len is the number of points to cut at: after each of the first n events.
func (r *Recording) Len() int { return len(r.events) + 1 }

// Syncs are the points right after each fsync.
func (r *Recording) Syncs() (cuts []int) {
	for i, e := range r.events {
		if e.kind == synced {
			cuts = append(cuts, i+1)
		}
	}
	return cuts
}

// Told is what the program had written to its standard output by then.
func (r *Recording) Told(cut int) string {
	var b strings.Builder
	for _, e := range r.events[:cut] {
		if e.kind == told {
			b.Write(e.data)
		}
	}
	return b.String()
}

func (r *Recording) told() string { return r.Told(len(r.events)) }

package powercut

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// kind of an event.
type kind int

const (
	created   kind = iota // path is a file, empty where it is new
	emptied               // opened with O_TRUNC
	wrote                 // data at offset at
	truncated             // to length at
	syncing               // fsync has begun
	synced                // and has ended
	removed               // path is gone
	renamed               // path is to
	madeDir               // path is a directory
	told                  // data went to standard output
)

// event is one change, or a part of an fsync.
type event struct {
	kind     kind
	path, to string
	at       int64
	data     []byte
	begun    int // of synced: the event that began it
}

// parser reads strace's lines.
type parser struct {
	root   string
	events []event
	open   map[string]string // by process: the call that has not ended
	begun  map[string]int    // by process: its event syncing
	at     map[string]int64  // by path: where write goes on
}

func parse(trace *os.File, root string) ([]event, error) {
	if _, err := trace.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the trace: %w", err)
	}
	p := &parser{root: root, open: map[string]string{}, begun: map[string]int{}, at: map[string]int64{}}
	in := bufio.NewReaderSize(trace, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) { // a line without an end was cut off by a kill
			return p.events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the trace: %w", err)
		}
		if err := p.line(strings.TrimSuffix(line, "\n")); err != nil {
			return nil, fmt.Errorf("trace line %.300q: %w", line, err)
		}
	}
}

// line takes "PID call(args) = result", or one of the two halves of it.
func (p *parser) line(line string) error {
	pid, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	if head, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
		p.open[pid] = head
		p.begin(pid, head)
		return nil
	}
	if tail, ok := strings.CutPrefix(rest, "<... "); ok {
		_, tail, ok = strings.Cut(tail, " resumed>")
		if !ok {
			return errors.New("a call that ends without a beginning")
		}
		rest = p.open[pid] + tail
		delete(p.open, pid)
	} else {
		p.begin(pid, rest)
	}
	i := strings.LastIndex(rest, " = ")
	if i < 0 || !strings.Contains(rest[:i], "(") {
		return nil // +++ exited, or killed in it
	}
	call, args, _ := strings.Cut(strings.TrimRight(rest[:i], " "), "(")
	result, _, _ := strings.Cut(rest[i+3:], "<")
	result, _, _ = strings.Cut(result, " ")
	n, _ := strconv.ParseInt(result, 10, 64) // "?" is of a call that a kill cut off
	if n < 0 || result == "?" {
		return nil // it failed, and changed nothing
	}
	return p.call(pid, call, split(strings.TrimSuffix(args, ")")), n)
}

// begin notes that an fsync covers what was written by now, and no more.
func (p *parser) begin(pid, call string) {
	if strings.HasPrefix(call, "fsync(") || strings.HasPrefix(call, "fdatasync(") {
		p.begun[pid] = len(p.events)
		p.events = append(p.events, event{kind: syncing})
	}
}

// split separates arguments: strings and paths are in hex and have no commas.
func split(args string) []string { return strings.Split(args, ", ") }

func (p *parser) call(pid, call string, a []string, result int64) error {
	switch call {
	case "openat", "open", "creat":
		return p.opened(call, a)
	case "write":
		if strings.HasPrefix(a[0], "1<") || a[0] == "1" {
			data, err := text(a[1], result)
			p.events = append(p.events, event{kind: told, data: data})
			return err
		}
		path := p.file(a[0])
		if path == "" {
			return nil
		}
		at := p.at[path]
		p.at[path] += result
		return p.wrote(path, a[1], result, at)
	case "pwrite64":
		path := p.file(a[0])
		if path == "" {
			return nil
		}
		at, err := strconv.ParseInt(a[len(a)-1], 10, 64)
		if err != nil {
			return err
		}
		return p.wrote(path, a[1], result, at)
	case "ftruncate":
		path := p.file(a[0])
		if path == "" {
			return nil
		}
		n, err := strconv.ParseInt(a[1], 10, 64)
		p.events = append(p.events, event{kind: truncated, path: path, at: n})
		return err
	case "fsync", "fdatasync":
		if path := p.file(a[0]); path != "" {
			p.events = append(p.events, event{kind: synced, path: path, begun: p.begun[pid]})
		}
		return nil
	}
	return p.named(call, a)
}

// named are the calls on names.
func (p *parser) named(call string, a []string) error {
	var paths []string
	for _, arg := range a {
		if strings.HasPrefix(arg, `"`) {
			b, err := text(arg, -1)
			if err != nil {
				return err
			}
			paths = append(paths, string(b))
		}
	}
	inside := false
	for i := range paths {
		if !filepath.IsAbs(paths[i]) { // relative to a descriptor
			dir := p.file(a[2*i])
			if dir == "" {
				return nil
			}
			paths[i] = filepath.Join(dir, paths[i])
		}
		paths[i] = filepath.Clean(paths[i])
		inside = inside || p.inside(paths[i])
	}
	if !inside {
		return nil
	}
	switch call {
	case "unlink", "unlinkat", "rmdir":
		p.events = append(p.events, event{kind: removed, path: paths[0]})
	case "rename", "renameat", "renameat2":
		p.events = append(p.events, event{kind: renamed, path: paths[0], to: paths[1]})
		p.at[paths[1]] = p.at[paths[0]]
	case "mkdir", "mkdirat":
		p.events = append(p.events, event{kind: madeDir, path: paths[0]})
	default:
		return fmt.Errorf("%s is not followed", call)
	}
	return nil
}

func (p *parser) opened(call string, a []string) error {
	flags, name, dir := a[1], a[0], ""
	if call == "openat" {
		dir, name, flags = a[0], a[1], a[2]
	}
	b, err := text(name, -1)
	if err != nil {
		return err
	}
	path := string(b)
	if !filepath.IsAbs(path) {
		if dir = p.file(dir); dir == "" {
			return nil
		}
		path = filepath.Join(dir, path)
	}
	if path = filepath.Clean(path); !p.inside(path) || strings.Contains(flags, "O_DIRECTORY") {
		return nil
	}
	if strings.Contains(flags, "O_CREAT") {
		p.events = append(p.events, event{kind: created, path: path})
	}
	if strings.Contains(flags, "O_TRUNC") {
		p.events = append(p.events, event{kind: emptied, path: path})
	}
	if !strings.Contains(flags, "O_RDONLY") {
		p.at[path] = 0
		if strings.Contains(flags, "O_APPEND") {
			return errors.New("O_APPEND is not followed")
		}
	}
	return nil
}

func (p *parser) wrote(path, arg string, n, at int64) error {
	data, err := text(arg, n)
	p.events = append(p.events, event{kind: wrote, path: path, at: at, data: data})
	return err
}

func (p *parser) inside(path string) bool {
	return path == p.root || strings.HasPrefix(path, p.root+string(filepath.Separator))
}

// file is the path of a descriptor "7<\x2f…>", "" for one outside or without a name.
func (p *parser) file(arg string) string {
	_, name, _ := strings.Cut(arg, "<")
	name, _, _ = strings.Cut(name, ">")
	if b, err := unhex(name); err == nil && p.inside(string(b)) {
		return string(b)
	}
	return "" // a socket or a pipe, or elsewhere
}

// text is a string argument of n bytes, or of any number.
func text(arg string, n int64) ([]byte, error) {
	if len(arg) < 2 || arg[0] != '"' || arg[len(arg)-1] != '"' {
		return nil, errors.New("a text that is not whole")
	}
	b, err := unhex(arg[1 : len(arg)-1])
	if err == nil && n >= 0 {
		if int64(len(b)) < n {
			return nil, fmt.Errorf("%d bytes of %d", len(b), n)
		}
		b = b[:n]
	}
	return b, err
}

// unhex decodes \x2f\x74.
func unhex(s string) ([]byte, error) {
	return hex.DecodeString(string(bytes.ReplaceAll([]byte(s), []byte(`\x`), nil)))
}

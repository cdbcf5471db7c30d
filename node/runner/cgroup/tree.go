//go:build linux

package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The controllers that a job's group wants, by their names in v1. Under v2, cpuacct, freezer
// and devices are part of every group.
const (
	memory  = "memory"
	cpu     = "cpu"
	cpuacct = "cpuacct"
	pids    = "pids"
	freezer = "freezer"
	devices = "devices"
)

var (
	wanted = []string{memory, cpu, cpuacct, pids, freezer, devices}
	always = []string{cpuacct, freezer, devices} // in v2
)

// tree is one mounted hierarchy of groups.
type tree struct {
	mount string // where it is mounted
	own   string // the directory of this process's group
	v2    bool
	has   []string // those of wanted that it serves

	base string   // where the parent's directory was made: own or one above
	dir  string   // the parent's directory
	lock *os.File // held on dir while its owner lives
}

// findTrees reads which hierarchies are mounted and where this process is in each.
// proc is /proc/self, or a script's directory with mountinfo and cgroup in it.
func findTrees(proc string) ([]*tree, error) {
	own, err := ownGroups(filepath.Join(proc, "cgroup"))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(proc, "mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("find control groups: %w", err)
	}
	defer f.Close()
	var trees []*tree
	taken := map[string]bool{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		t := parseMount(lines.Text(), own)
		if t == nil {
			continue
		}
		t.has = slices.DeleteFunc(t.has, func(c string) bool { return taken[c] })
		for _, c := range t.has {
			taken[c] = true
		}
		if t.v2 || len(t.has) > 0 {
			trees = append(trees, t)
		}
	}
	for _, t := range trees {
		if t.v2 { // it serves what v1 leaves
			t.has = slices.DeleteFunc(slices.Clone(wanted), func(c string) bool { return taken[c] })
		}
	}
	return slices.DeleteFunc(trees, func(t *tree) bool { return len(t.has) == 0 }), lines.Err()
}

// offers are the controllers that groups beneath a directory of v2 could have.
func (t *tree) offers(dir string) []string {
	text, _ := read(dir, "cgroup.controllers")
	return slices.DeleteFunc(strings.Fields(text), func(c string) bool { return !slices.Contains(t.has, c) })
}

// ownGroups is the path of this process in each hierarchy, by the hierarchy's controllers
// as /proc/self/cgroup joins them; "" for v2's.
func ownGroups(file string) (map[string]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("find this process's control groups: %w", err)
	}
	own := map[string]string{}
	for line := range strings.Lines(string(b)) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(part) != 3 {
			continue
		}
		if part[0] == "0" {
			own[""] = part[2]
		}
		for _, c := range strings.Split(part[1], ",") {
			if c != "" {
				own[c] = part[2]
			}
		}
	}
	return own, nil
}

// parseMount reads a line of mountinfo (proc(5)): id, parent, device, root, mount point,
// options, optional fields, "-", type, source, super options. It returns nil for what
// is no hierarchy that a job's group wants.
func parseMount(line string, own map[string]string) *tree {
	left, right, ok := strings.Cut(line, " - ")
	l, r := strings.Fields(left), strings.Fields(right)
	if !ok || len(l) < 6 || len(r) < 3 {
		return nil
	}
	t := &tree{mount: unescape(l[4])}
	root, path := unescape(l[3]), ""
	switch r[0] {
	case "cgroup2":
		t.v2, path = true, own[""]
	case "cgroup":
		for _, c := range strings.Split(r[2], ",") {
			if slices.Contains(wanted, c) {
				t.has, path = append(t.has, c), own[c]
			}
		}
		if len(t.has) == 0 {
			return nil
		}
	default:
		return nil
	}
	t.own = t.mount
	if rel, ok := strings.CutPrefix(path+"/", strings.TrimSuffix(root, "/")+"/"); ok {
		if dir := filepath.Join(t.mount, filepath.Join("/", rel)); isDir(dir) {
			t.own = dir
		}
	}
	return t
}

// unescape undoes mountinfo's octal escapes of blanks and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// places are the directories in which this process may try to make groups: its
// own, then each one above; under v2, those that offer most first.
func (t *tree) places() []string {
	all := []string{t.own}
	for dir := t.own; dir != t.mount && len(dir) > len(t.mount); {
		dir = filepath.Dir(dir)
		all = append(all, dir)
	}
	if t.v2 {
		slices.SortStableFunc(all, func(a, b string) int { return len(t.offers(b)) - len(t.offers(a)) })
	}
	return all
}

// write sets a control file. It never makes one.
func write(dir, file, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

// read returns a control file's text without the blank at its end.
func read(dir, file string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, file))
	return strings.TrimSpace(string(b)), err
}

// field returns the number after a key in a control file of "key number" lines.
func field(dir, file, key string) (uint64, error) {
	text, err := read(dir, file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		var n uint64
		if rest, ok := strings.CutPrefix(line, key+" "); ok {
			if _, err := fmt.Sscan(rest, &n); err != nil {
				return 0, fmt.Errorf("%s of %s: %w", key, file, err)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("%s has no %s: %w", file, key, errors.ErrUnsupported)
}

// number returns a control file that holds one number.
func number(dir, file string) (uint64, error) {
	text, err := read(dir, file)
	if err != nil {
		return 0, err
	}
	var n uint64
	if _, err := fmt.Sscan(text, &n); err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}

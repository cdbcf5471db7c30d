package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sector is what a disk writes whole, in bytes.
const sector = 512

// Survival says what is left of the changes that were not synced when the power went.
type Survival int

// Survivals.
const (
	Nothing    Survival = iota // none of them
	Anything                   // some sectors of some writes, some names, some lengths
	Everything                 // all, as after a kill
)

func (s Survival) String() string { return [...]string{"nothing", "anything", "everything"}[s] }

// inode is a file whatever its name.
type inode struct {
	durable []byte
	pending []change
}

// change is one to a file's content that was not synced.
type change struct {
	event
	seq int // of the event
}

// entry is a change to a name that was not synced: path is node afterwards, or
// nothing, and dir says it is a directory. A rename also takes from away.
type entry struct {
	path, from string
	node       *inode
	dir        bool
	seq        int
}

// disk is a directory with what of it is durable.
type disk struct {
	names   map[string]*inode // as the program sees them
	durable map[string]*inode
	made    map[string]bool // directories as the program sees them
	dirs    map[string]bool // durable directories
	pending []entry
}

// Files is the directory as it may be when the power goes after so many events: path
// below the directory to content, and the directories that are there.
func (r *Recording) Files(cut int, s Survival, draw *rand.Rand) (files map[string][]byte, dirs []string) {
	d := &disk{names: map[string]*inode{}, durable: map[string]*inode{}, made: map[string]bool{}, dirs: map[string]bool{}}
	for path, content := range r.base {
		n := &inode{durable: slices.Clone(content)}
		d.names[path], d.durable[path] = n, n
	}
	for _, dir := range r.dirs {
		d.made[dir], d.dirs[dir] = true, true
	}
	for seq, e := range r.events[:cut] {
		d.apply(e, seq)
	}
	keep := func() bool { return s == Everything || s == Anything && draw.IntN(2) == 0 }
	for _, e := range d.pending {
		if keep() {
			d.settle(e)
		}
	}
	files = map[string][]byte{}
	for path, n := range d.durable {
		if !d.reachable(path, r.root) {
			continue
		}
		content := slices.Clone(n.durable)
		for _, c := range n.pending {
			content = c.survive(content, keep)
		}
		files[relative(r.root, path)] = content
	}
	for dir := range d.dirs {
		if dir != r.root && d.reachable(dir, r.root) {
			dirs = append(dirs, relative(r.root, dir))
		}
	}
	slices.Sort(dirs)
	return files, dirs
}

func relative(root, path string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return path
	}
	return rel
}

// reachable: all directories above are there.
func (d *disk) reachable(path, root string) bool {
	for path != root {
		path = filepath.Dir(path)
		if !d.dirs[path] {
			return false
		}
	}
	return true
}

// apply takes the disk over one event.
func (d *disk) apply(e event, seq int) {
	n := d.names[e.path]
	switch e.kind {
	case created:
		if n == nil {
			n = &inode{}
			d.names[e.path] = n
			d.pending = append(d.pending, entry{path: e.path, node: n, seq: seq})
		}
	case emptied:
		e.kind, e.at = truncated, 0
		d.changed(n, e, seq)
	case wrote, truncated:
		d.changed(n, e, seq)
	case removed:
		delete(d.names, e.path)
		delete(d.made, e.path)
		d.pending = append(d.pending, entry{path: e.path, seq: seq})
	case renamed:
		if d.made[e.path] {
			d.renameDir(e, seq)
			return
		}
		delete(d.names, e.path)
		d.names[e.to] = n
		d.pending = append(d.pending, entry{path: e.to, from: e.path, node: n, seq: seq})
	case madeDir:
		d.made[e.path] = true
		d.pending = append(d.pending, entry{path: e.path, dir: true, seq: seq})
	case synced:
		d.sync(e, n)
	}
}

// renameDir takes a directory and all below it to another name. What of it is synced
// before the rename is has the new name too, and is out of reach until then.
func (d *disk) renameDir(e event, seq int) {
	move(d.names, e.path, e.to)
	move(d.made, e.path, e.to)
	for i := range d.pending {
		c := &d.pending[i]
		c.path, c.from = moved(c.path, e.path, e.to), moved(c.from, e.path, e.to)
		if c.dir && c.from == "" && c.path == e.to { // its making was not synced: with the rename it is
			c.path = e.path
		}
	}
	d.pending = append(d.pending, entry{path: e.to, from: e.path, dir: true, seq: seq})
}

// moved is a path as it is when a directory above it, or it itself, has another name.
func moved(path, from, to string) string {
	if rest, ok := strings.CutPrefix(path, from); ok && (rest == "" || rest[0] == filepath.Separator) {
		return to + rest
	}
	return path
}

func move[V any](m map[string]V, from, to string) {
	for path, v := range m {
		if now := moved(path, from, to); now != path {
			delete(m, path)
			m[now] = v
		}
	}
}

// changed keeps a change to a file that has a name.
func (d *disk) changed(n *inode, e event, seq int) {
	if n != nil { // else it was removed, and nobody will see it again
		n.pending = append(n.pending, change{e, seq})
	}
}

// sync makes durable what was done before the fsync began: a file's content, or the
// names in a directory.
func (d *disk) sync(e event, n *inode) {
	if n != nil {
		rest := n.pending[:0]
		for _, c := range n.pending {
			if c.seq < e.begun {
				n.durable = c.survive(n.durable, func() bool { return true })
			} else {
				rest = append(rest, c)
			}
		}
		n.pending = rest
		return
	}
	rest := d.pending[:0]
	for _, c := range d.pending {
		if c.seq < e.begun && filepath.Dir(c.path) == e.path {
			d.settle(c)
		} else {
			rest = append(rest, c)
		}
	}
	d.pending = rest
}

// settle makes a name durable.
func (d *disk) settle(e entry) {
	if e.from != "" {
		delete(d.durable, e.from)
	}
	switch {
	case e.dir:
		if e.from != "" {
			move(d.durable, e.from, e.path)
			move(d.dirs, e.from, e.path)
		}
		d.dirs[e.path] = true
	case e.node == nil:
		delete(d.durable, e.path)
		delete(d.dirs, e.path)
	default:
		d.durable[e.path] = e.node
	}
}

// survive is the content after as much of the change as keep lets through.
func (c change) survive(content []byte, keep func() bool) []byte {
	if c.kind == truncated {
		if keep() {
			content = resize(content, c.at)
		}
		return content
	}
	for at, data := c.at, c.data; len(data) > 0; {
		n := min(int64(len(data)), sector-at%sector)
		if keep() {
			if end := at + n; int64(len(content)) < end {
				content = resize(content, end)
			}
			copy(content[at:], data[:n])
		}
		at, data = at+n, data[n:]
	}
	return content
}

func resize(b []byte, n int64) []byte {
	if int64(len(b)) >= n {
		return b[:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

// Write puts the files below a directory that is there and empty.
func Write(dir string, files map[string][]byte, dirs []string) error {
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return fmt.Errorf("make what is left: %w", err)
		}
	}
	for path, content := range files {
		if err := os.WriteFile(filepath.Join(dir, path), content, 0o600); err != nil {
			return fmt.Errorf("write what is left: %w", err)
		}
	}
	return nil
}

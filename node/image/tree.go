package image

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// node is one file of a merged image. Directories are the only ones with children.
type node struct {
	kind     uint8 // kindDir, kindFile or kindSymlink
	mode     uint32
	uid, gid uint32
	time     int64
	target   string // of a symlink
	layer    int    // of a file: which layer has it
	file     uint32 // and its number there
	links    int    // of a file or symlink: its further names
	children map[string]*node
}

func newDir() *node { return &node{kind: kindDir, mode: 0o755, children: map[string]*node{}} }

// tree is an image's files as its layers leave them. Paths are resolved in it and never
// in a file system, so that a symlink leads nowhere but to another node of it.
type tree struct {
	root *node
	left int // nodes that may still be made
	max  int
	work int // elements of paths that may still be walked
}

func newTree(limits Limits) *tree {
	return &tree{root: newDir(), left: limits.Entries, max: limits.Entries, work: limits.Entries * maxSteps}
}

// layer puts one layer over what is there. What it hides is hidden first: a whiteout
// never hides what its own layer brings.
func (t *tree) layer(number int, list string) error {
	err := readEntries(list, func(e *entry) error {
		if t.work < 0 {
			return t.lost()
		}
		switch e.Kind {
		case kindWhiteout:
			dir, base := path.Split(string(e.Path))
			if n := t.follow(dir); n != nil {
				delete(n.children, base)
			}
		case kindOpaque:
			if n := t.follow(string(e.Path)); n != nil && n.kind == kindDir {
				clear(n.children)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return readEntries(list, func(e *entry) error {
		if t.work < 0 { // where a path was not to be found, nobody has said so
			return t.lost()
		}
		if e.Kind == kindWhiteout || e.Kind == kindOpaque {
			return nil
		}
		return t.add(number, e)
	})
}

func (t *tree) lost() error {
	return bad("its paths and symlinks lead around for more than %d steps", t.max*maxSteps)
}

// add puts one entry in its place.
func (t *tree) add(layer int, e *entry) error {
	name := string(e.Path)
	if name == "." {
		if e.Kind == kindDir {
			t.root.mode, t.root.uid, t.root.gid, t.root.time = e.Mode, e.UID, e.GID, e.Time
		}
		return nil
	}
	dir, base := path.Split(name)
	parent, err := t.dir(dir)
	if err != nil {
		return err
	}
	n := &node{kind: e.Kind, mode: e.Mode, uid: e.UID, gid: e.GID, time: e.Time, layer: layer, file: e.File}
	switch e.Kind {
	case kindDir:
		n.children = map[string]*node{}
		if old := parent.children[base]; old != nil && old.kind == kindDir {
			n.children = old.children
		}
	case kindSymlink:
		n.target = string(e.Target)
	case kindHardlink:
		to := t.find(string(e.Target))
		if to == nil || to.kind == kindDir {
			return bad("%q is a hard link to %q, which is no file of the image", name, e.Target)
		}
		n = to
		if n.links++; n.links > maxLinks {
			return over(fmt.Sprintf("hard links to %q", e.Target), maxLinks, int64(n.links))
		}
	}
	return t.put(parent, base, n)
}

func (t *tree) put(parent *node, name string, n *node) error {
	if _, there := parent.children[name]; !there {
		if t.left--; t.left < 0 {
			return over("files and directories", int64(t.max), int64(t.max)+1)
		}
	}
	parent.children[name] = n
	return nil
}

// dir finds a directory by its path, through symlinks, and makes what is missing.
func (t *tree) dir(name string) (*node, error) {
	n, err := t.walk(name, true, true)
	if err == nil && n.kind != kindDir {
		err = bad("%q is not a directory, and the image has files in it", name)
	}
	return n, err
}

// find finds a node by its path, through symlinks but for the last element; nil for none.
func (t *tree) find(name string) *node {
	n, err := t.walk(name, false, false)
	if err != nil {
		return nil
	}
	return n
}

// follow is find through all symlinks.
func (t *tree) follow(name string) *node {
	n, err := t.walk(name, true, false)
	if err != nil {
		return nil
	}
	return n
}

// walk goes to a path. Symlinks lead to where they would for a process that has the
// image as its root; last says whether the last element is followed, create
// whether missing directories are made. It returns nil for what is not there.
func (t *tree) walk(name string, last, create bool) (*node, error) {
	at := []*node{t.root}
	rest := elements(name)
	hops := 0
	for len(rest) > 0 {
		if t.work--; t.work < 0 {
			return nil, t.lost()
		}
		name := rest[0]
		rest = rest[1:]
		here := at[len(at)-1]
		if here.kind != kindDir {
			if create {
				return nil, bad("%q is below what is not a directory", name)
			}
			return nil, nil
		}
		if name == ".." {
			at = at[:max(len(at)-1, 1)]
			continue
		}
		n := here.children[name]
		if n == nil {
			if !create {
				return nil, nil
			}
			if depth := len(at); depth > maxDepth {
				return nil, over("directories in one another", maxDepth, int64(depth))
			}
			n = newDir()
			if err := t.put(here, name, n); err != nil {
				return nil, err
			}
		}
		if n.kind == kindSymlink && (last || len(rest) > 0) {
			if hops++; hops > maxHops {
				return nil, bad("%q leads through more than %d symlinks", name, maxHops)
			}
			if path.IsAbs(n.target) {
				at = at[:1]
			}
			rest = append(elements(n.target), rest...)
			t.work -= len(rest)
			continue
		}
		at = append(at, n)
	}
	return at[len(at)-1], nil
}

// elements splits a path; "." and empty ones say nothing.
func elements(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(e string) bool { return e == "" || e == "." })
}

// names are a directory's, in order.
func (n *node) names() []string { return slices.Sorted(maps.Keys(n.children)) }

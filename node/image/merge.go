package image

import (
	"context"
	"path/filepath"
	"strconv"
)

// MountPoints are directories of every root, whatever the image says: what a sandbox
// mounts there is mounted in the root and never where a symlink of the image leads.
func MountPoints() []string {
	return []string{"dev", "in", "out", "proc", "run", "sys", "tmp"}
}

// furnish adds what every sandbox needs to what the layers brought.
func (t *tree) furnish(workDir string) error {
	for _, name := range MountPoints() {
		if n := t.root.children[name]; n != nil && n.kind == kindDir {
			continue
		}
		if err := t.put(t.root, name, newDir()); err != nil {
			return err
		}
	}
	_, err := t.dir(workDir)
	return err
}

// weight is what a tree takes on disk beside its files' bytes.
func (n *node) weight() int64 {
	if n.kind != kindDir {
		return 256
	}
	w := int64(4096)
	for _, c := range n.children {
		w += c.weight()
	}
	return w
}

// layOut makes a tree's directories, symlinks and hard links below dst, which must be an
// empty directory. layers are the directories of the image's layers.
func layOut(ctx context.Context, t *tree, dst string, layers []string, own bool) error {
	m := &merge{ctx: ctx, own: own, files: make([]dirFD, len(layers))}
	defer m.close()
	for i := range m.files {
		m.files[i] = -1
	}
	for i, dir := range layers {
		fd, err := openDir(filepath.Join(dir, "f"))
		if err != nil {
			return err
		}
		m.files[i] = fd
	}
	top, err := openDir(dst)
	if err != nil {
		return err
	}
	defer top.close()
	return m.fill(top, t.root)
}

type merge struct {
	ctx   context.Context
	own   bool
	files []dirFD // of each layer
}

func (m *merge) close() {
	for _, fd := range m.files {
		if fd >= 0 {
			fd.close()
		}
	}
}

// fill fills one directory. The recursion is as deep as maxDepth and some links make it.
func (m *merge) fill(d dirFD, n *node) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	for _, name := range n.names() {
		if err := m.child(d, name, n.children[name]); err != nil {
			return err
		}
	}
	return d.finish(n, m.own)
}

func (m *merge) child(d dirFD, name string, c *node) error {
	switch c.kind {
	case kindSymlink:
		return d.symlink(c, name, m.own)
	case kindFile:
		return d.link(m.files[c.layer], strconv.FormatUint(uint64(c.file), 10), name)
	}
	below, err := d.mkdir(name)
	if err != nil {
		return err
	}
	defer below.close()
	return m.fill(below, c)
}

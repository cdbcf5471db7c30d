package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// How packages are put into layers.
const (
	ownLayer  = 2 << 20 // bytes of a package that gets a layer of its own: other images have it too
	ownLayers = 100     // layers for one package each; what is smaller shares the next
)

// addDebs adds the packages' layers: one with what every system has if there is no base,
// one for each big package, one for the others, and one for what their scripts would
// link, as no script is run.
func (b *building) addDebs(debs []deb, alone bool) (*packed, error) {
	u := &unpacking{b: b, files: map[string]bool{}, links: alternatives{}}
	if alone {
		if err := b.layer(u.base); err != nil {
			return nil, err
		}
	}
	big := slices.DeleteFunc(slices.Clone(debs), func(d deb) bool { return d.bytes < ownLayer })
	slices.SortStableFunc(big, func(x, y deb) int { return cmp.Compare(y.bytes, x.bytes) })
	big = big[:min(len(big), ownLayers)]
	for _, d := range big {
		if err := u.layer(d); err != nil {
			return nil, err
		}
	}
	rest := slices.DeleteFunc(slices.Clone(debs), func(d deb) bool { return slices.Contains(big, d) })
	if len(rest) > 0 {
		if err := u.layer(rest...); err != nil {
			return nil, err
		}
	}
	if err := u.link(); err != nil {
		return nil, err
	}
	names := make([]string, len(debs))
	for i, d := range debs {
		names[i] = d.name + "=" + d.version
	}
	return &packed{Layers: b.layers, DiffIDs: b.cfg.RootFS.DiffIDs, Libraries: u.libraries, Label: strings.Join(names, " ")}, nil
}

// unpacking is what the packages of an image brought so far.
type unpacking struct {
	b         *building
	files     map[string]bool // paths in the image
	links     alternatives
	libraries []string // directories of libraries that the loader does not know by itself
}

// merged are the directories that are links into /usr in Debian, while packages may
// still have files in them.
var merged = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// base writes what no package has: the links into /usr, and two users.
func (u *unpacking) base(t *tar.Writer) error {
	for _, name := range merged {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "usr/" + name + "/", Mode: 0o755, ModTime: madeAt}); err != nil {
			return err
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: "usr/" + name, Mode: 0o777, ModTime: madeAt}); err != nil {
			return err
		}
	}
	for _, f := range [][2]string{
		{"etc/group", "root:x:0:\nnogroup:x:65534:\n"},
		{"etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
		{"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
	} {
		name, text := f[0], f[1]
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(text)), Mode: 0o644, ModTime: madeAt}); err != nil {
			return err
		}
		if _, err := io.WriteString(t, text); err != nil {
			return err
		}
	}
	return nil
}

// layer adds a layer with packages.
func (u *unpacking) layer(debs ...deb) error {
	return u.b.layer(func(t *tar.Writer) error {
		dirs := map[string]bool{}
		for _, d := range debs {
			if err := u.unpack(t, d, dirs); err != nil {
				return fmt.Errorf("package %s: %w", d.name, err)
			}
		}
		return nil
	})
}

// unpack writes a package's files and notes what its script would link.
func (u *unpacking) unpack(t *tar.Writer, d deb, dirs map[string]bool) error {
	err := dpkgTar(u.b.w.ctx, "--fsys-tarfile", d.path, func(h *tar.Header, r io.Reader) error {
		if !u.place(h) || h.Typeflag == tar.TypeDir && dirs[h.Name] {
			return nil
		}
		if h.Typeflag == tar.TypeDir {
			dirs[h.Name] = true
		}
		u.files["/"+strings.TrimSuffix(h.Name, "/")] = true
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if strings.HasPrefix(h.Name, "etc/ld.so.conf.d/") && h.Size < 4096 {
			text, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			u.loaderDirs(string(text))
			r = bytes.NewReader(text)
		}
		_, err := io.Copy(t, r)
		return err
	})
	if err != nil {
		return err
	}
	return dpkgTar(u.b.w.ctx, "--ctrl-tarfile", d.path, func(h *tar.Header, r io.Reader) error {
		if path.Clean(h.Name) != "postinst" || h.Size > 1<<20 {
			return nil
		}
		script, err := io.ReadAll(r)
		u.links.read(string(script))
		return err
	})
}

// place says under which name an image has a package's file, and whether it has it.
func (u *unpacking) place(h *tar.Header) bool {
	name, err := cleanPath(h.Name)
	if err != nil || name == "." {
		return false
	}
	if h.Typeflag == tar.TypeSymlink && slices.Contains(merged, name) {
		return false // the link into /usr, which is there
	}
	name = inUsr(name)
	if unwanted(name) && h.Typeflag != tar.TypeDir {
		return false
	}
	if h.Typeflag == tar.TypeLink {
		h.Linkname = inUsr(path.Clean(h.Linkname))
	}
	if h.Typeflag == tar.TypeDir {
		name += "/"
	}
	h.Name, h.Uname, h.Gname, h.PAXRecords, h.Format = name, "", "", nil, tar.FormatUnknown
	return true
}

// inUsr is where a path really is when the links into /usr are followed.
func inUsr(name string) string {
	if first, _, _ := strings.Cut(name, "/"); slices.Contains(merged, first) {
		return "usr/" + name
	}
	return name
}

// unwanted are manuals; licences stay, for they must travel with what they license.
func unwanted(name string) bool {
	for _, dir := range []string{"usr/share/man/", "usr/share/info/", "usr/share/lintian/"} {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	doc, ok := strings.CutPrefix(name, "usr/share/doc/")
	return ok && strings.Contains(doc, "/") && path.Base(name) != "copyright"
}

// loaderDirs notes the library directories of an ld.so.conf file: there is no ld.so.cache.
func (u *unpacking) loaderDirs(text string) {
	for line := range strings.Lines(text) {
		dir := strings.TrimSpace(line)
		standard := strings.HasPrefix(dir, "/usr/local/") || slices.Contains([]string{"lib", "usr/lib"}, path.Dir(strings.TrimPrefix(dir, "/"))) && strings.HasSuffix(dir, "-linux-gnu")
		if path.IsAbs(dir) && !standard && !slices.Contains(u.libraries, dir) {
			u.libraries = append(u.libraries, path.Clean(dir))
		}
	}
	slices.Sort(u.libraries)
}

// link adds a layer with the links of alternatives, where no package has the name itself.
func (u *unpacking) link() error {
	links := u.links.chosen(u.files)
	if len(links) == 0 {
		return nil
	}
	return u.b.layer(func(t *tar.Writer) error {
		for _, l := range links {
			h := &tar.Header{Typeflag: tar.TypeSymlink, Name: strings.TrimPrefix(l.name, "/"), Linkname: l.target, Mode: 0o777, ModTime: madeAt}
			if err := t.WriteHeader(h); err != nil {
				return err
			}
		}
		return nil
	})
}

//go:build wasip1

package main

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
	"unsafe"
)

func init() {
	cases["fdopendir-with-access"] = func(dir int32) {
		mkdir(dir, "d")
		_ = open(dir, "d", directory)
		_, e := tryOpen(dir, "d", directory, allRights, 0)
		expect("path_open", e, ok)
	}
	cases["dir_fd_op_failures"] = dirOps
	cases["fd_prestat_dir_name"] = func(dir int32) {
		var name [8]byte
		expect("with the room it needs", fdPrestatDirName(dir, unsafe.Pointer(&name), 4), ok)
		holds("the name", string(name[:4]) == "/out")
		expect("of what is not open", fdPrestatDirName(99, unsafe.Pointer(&name), 4), badf)
	}
	cases["fd_prestat_dir_name-less"] = func(dir int32) {
		var name [8]byte
		expect("with too little room", fdPrestatDirName(dir, unsafe.Pointer(&name), 1), inval, nametoolong)
	}
	cases["fd_prestat_dir_name-more"] = func(dir int32) {
		var name [8]byte
		expect("with more room", fdPrestatDirName(dir, unsafe.Pointer(&name), 8), ok)
	}
	cases["directory_seek"] = func(dir int32) {
		mkdir(dir, "d")
		_, e := seek(open(dir, "d", directory), 0, cur)
		expect("fd_seek of a directory", e, badf, notcapable, isdir)
	}
	cases["fd_readdir"] = readdir
	cases["interesting_paths"] = interestingPaths
	cases["overwrite_preopen"] = func(dir int32) {
		mkdir(dir, "d")
		holds("no rename over the directory itself", pathRename(dir, "d", dir, ".") != ok)
		holds("no removal of it", pathRemoveDirectory(dir, ".") != ok)
	}
	cases["path_exists"] = func(dir int32) {
		_, e := statPath(dir, "f")
		expect("path_filestat_get", e, noent)
		file(dir, "f", "text")
		st, e := statPath(dir, "f")
		expect("path_filestat_get", e, ok)
		holds("a file of four bytes", st.kind == kindFile && st.size == 4)
		_, e = statPath(dir, "f/x")
		expect("path_filestat_get", e, notdir)
	}
	cases["path_filestat"] = func(dir int32) {
		file(dir, "f", "")
		before, _ := statPath(dir, "f")
		expect("path_filestat_set_times", pathFilestatSetTimes(dir, 0, "f", 0, before.mtim-200, 4), ok)
		after, _ := statPath(dir, "f")
		holds("the time that was set", after.mtim == before.mtim-200)
	}
	cases["path_link"] = func(dir int32) {
		file(dir, "f", "text")
		expect("path_link", pathLink(dir, 0, "f", dir, "g"), ok)
		st, _ := statPath(dir, "g")
		holds("two links", st.nlink == 2)
	}
	cases["path_open_create_existing"] = func(dir int32) {
		file(dir, "f", "")
		_, e := tryOpen(dir, "f", creat|excl, allRights, 0)
		expect("path_open", e, exist)
	}
	cases["path_open_dirfd_not_dir"] = func(dir int32) {
		file(dir, "f", "")
		_, e := tryOpen(open(dir, "f", 0), "x", creat, allRights, 0)
		expect("path_open", e, notdir, notcapable)
	}
	cases["path_open_missing"] = func(dir int32) {
		_, e := tryOpen(dir, "f", 0, allRights, 0)
		expect("path_open", e, noent)
	}
	cases["path_open_nonblock"] = func(dir int32) {
		file(dir, "f", "")
		_, e := tryOpen(dir, "f", 0, rightRead, nonblock)
		expect("path_open", e, ok, notsup)
	}
	cases["path_open_preopen"] = func(dir int32) {
		_, e := tryOpen(dir, ".", directory, allRights, 0)
		expect("path_open", e, ok)
		_, e = tryOpen(dir, ".", creat, allRights, 0)
		expect("making the directory as a file", e, isdir, inval, exist, notcapable)
	}
	cases["path_open_read_write"] = readWriteRights
	cases["path_rename"] = rename
	cases["path_rename_dir_trailing_slashes"] = func(dir int32) {
		mkdir(dir, "d")
		expect("path_rename", pathRename(dir, "d/", dir, "e"), ok)
		expect("path_rename", pathRename(dir, "e", dir, "d/"), ok)
	}
	cases["remove_directory_trailing_slashes"] = func(dir int32) {
		mkdir(dir, "d")
		expect("path_remove_directory", pathRemoveDirectory(dir, "d/"), ok)
		file(dir, "f", "")
		expect("path_remove_directory of a file", pathRemoveDirectory(dir, "f"), notdir)
		expect("path_remove_directory of a file", pathRemoveDirectory(dir, "f/"), notdir)
	}
	cases["remove_nonempty_directory"] = func(dir int32) {
		mkdir(dir, "d")
		mkdir(dir, "d/e")
		expect("path_remove_directory", pathRemoveDirectory(dir, "d"), notempty)
		expect("path_remove_directory", pathRemoveDirectory(dir, "d/e"), ok)
		expect("path_remove_directory", pathRemoveDirectory(dir, "d"), ok)
	}
	cases["unlink_file_trailing_slashes"] = func(dir int32) {
		mkdir(dir, "d")
		expect("path_unlink_file of a directory", pathUnlinkFile(dir, "d"), isdir, perm)
		expect("path_unlink_file of a directory", pathUnlinkFile(dir, "d/"), isdir, perm)
		file(dir, "f", "")
		expect("path_unlink_file with a slash", pathUnlinkFile(dir, "f/"), notdir)
		expect("path_unlink_file", pathUnlinkFile(dir, "f"), ok)
	}
	cases["symlink_create"] = func(dir int32) {
		file(dir, "f", "text")
		expect("path_symlink", pathSymlink("f", dir, "s"), ok)
	}
	cases["dangling_symlink"] = func(dir int32) { expect("path_symlink", pathSymlink("nothing", dir, "s"), ok) }
	cases["readlink"] = func(dir int32) {
		b := make([]byte, 10)
		var n uint32
		expect("path_symlink", pathSymlink("f", dir, "s"), ok)
		expect("path_readlink", pathReadlink(dir, "s", unsafe.Pointer(&b[0]), 10, &n), ok)
		holds("where to", string(b[:n]) == "f")
	}
	cases["readlink-no-link"] = func(dir int32) {
		b := make([]byte, 10)
		var n uint32
		file(dir, "f", "")
		expect("path_readlink", pathReadlink(dir, "f", unsafe.Pointer(&b[0]), 10, &n), inval)
	}
}

// dirOps does to a directory what only files can.
func dirOps(dir int32) {
	mkdir(dir, "d")
	fd := open(dir, "d", directory)
	refused := []errno{badf, notcapable, isdir, inval, notsup, perm}
	_, e := read(fd, 1)
	expect("fd_read", e, refused...)
	_, e = write(fd, "x")
	expect("fd_write", e, refused...)
	_, e = pread(fd, 1, 0)
	expect("fd_pread", e, refused...)
	_, e = pwrite(fd, "x", 0)
	expect("fd_pwrite", e, refused...)
	expect("fd_allocate", fdAllocate(fd, 0, 1), refused...)
	expect("fd_filestat_set_size", fdFilestatSetSize(fd, 0), refused...)
	for _, whence := range []int32{set, cur, end} {
		_, e = seek(fd, 0, whence)
		expect("fd_seek", e, refused...)
	}
	var at uint64
	expect("fd_tell", fdTell(fd, &at), refused...)
	_, e = tryOpen(dir, "d", 0, rightRead|rightWrite, 0)
	expect("opening it for writing", e, refused...)
}

// entry is one of fd_readdir's.
type entry struct {
	next, ino uint64
	name      string
	kind      byte
}

// list reads entries from a cookie on, with a buffer of a size; the last may be cut.
func list(fd int32, size uint32, cookie uint64) []entry {
	buf := make([]byte, size)
	var used uint32
	expect("fd_readdir", fdReaddir(fd, unsafe.Pointer(&buf[0]), size, cookie, &used), ok)
	holds("no more than the buffer", used <= size)
	buf = buf[:used]
	var all []entry
	for len(buf) >= 24 {
		n := binary.LittleEndian.Uint32(buf[16:])
		if uint32(len(buf)-24) < n {
			break
		}
		all = append(all, entry{binary.LittleEndian.Uint64(buf), binary.LittleEndian.Uint64(buf[8:]), string(buf[24 : 24+n]), buf[20]})
		buf = buf[24+n:]
	}
	return all
}

func readdir(dir int32) {
	fd := open(dir, ".", directory)
	names := func(all []entry) string {
		var s []string
		for _, e := range all {
			s = append(s, e.name)
		}
		sort.Strings(s)
		return strings.Join(s, " ")
	}
	holds("an empty directory: "+names(list(fd, 4096, 0)), names(list(fd, 4096, 0)) == ". ..")
	file(dir, "file", "text")
	mkdir(dir, "dir")
	all := list(fd, 4096, 0)
	holds("what was made: "+names(all), names(all) == ". .. dir file")
	for _, e := range all {
		st, err := statPath(dir, e.name)
		if e.name == ".." {
			continue
		}
		expect("path_filestat_get "+e.name, err, ok)
		holds("the inode of "+e.name, st.ino == e.ino)
		holds("the kind of "+e.name, st.kind == e.kind)
	}
	// One after the other, from cookie to cookie, with a buffer that holds one or two.
	var each []entry
	for cookie := uint64(0); ; {
		some := list(fd, 64, cookie)
		if len(some) == 0 {
			break
		}
		each = append(each, some[0])
		cookie = some[0].next
	}
	holds("the same in small bites: "+names(each), names(each) == ". .. dir file")
	for i := range 100 {
		file(dir, fmt.Sprintf("many-%03d", i), "")
	}
	holds("a hundred more", len(list(fd, 1<<16, 0)) == 104)
	holds("nothing after the end", len(list(fd, 4096, list(fd, 1<<16, 0)[103].next)) == 0)
	var used uint32
	var buf [64]byte
	file(dir, "f", "")
	expect("fd_readdir of a file", fdReaddir(open(dir, "f", 0), unsafe.Pointer(&buf), 64, 0, &used), notdir, badf)
}

func interestingPaths(dir int32) {
	mkdir(dir, "dir")
	mkdir(dir, "dir/nested")
	file(dir, "dir/nested/file", "")
	for path, want := range map[string][]errno{
		"dir/nested/file": {ok},
		"dir/.//nested/../../dir/nested/../nested///./file": {ok},
		"/dir/nested/file": {perm, notcapable, noent},
		"dir/nested/file/": {notdir, noent, inval},
		"dir/nested/../../dir/nested/../nested/../../../": {perm, notcapable},
		"../out/dir/nested/file":                          {perm, notcapable},
		"../../etc/passwd":                                {perm, notcapable},
		"dir/nested/file\x00":                             {inval, ilseq, noent},
		"dir/nested/./":                                   {ok},
		strings.Repeat("x", 300):                          {nametoolong, noent},
	} {
		_, e := tryOpen(dir, path, 0, rightRead, 0)
		expect(fmt.Sprintf("path_open %.60q", path), e, want...)
	}
}

// readWriteRights opens for one and tries the other.
func readWriteRights(dir int32) {
	file(dir, "f", "text")
	r := open2(dir, "f", rightRead)
	_, e := write(r, "x")
	expect("fd_write of what is open for reading", e, badf, notcapable, perm)
	w := open2(dir, "f", rightWrite)
	_, e = read(w, 1)
	expect("fd_read of what is open for writing", e, badf, notcapable, perm)
	n, e := write(w, "TE")
	expect("fd_write", e, ok)
	holds("its count", n == 2)
	s, e := read(r, 10)
	expect("fd_read", e, ok)
	holds("both together", s == "TExt")
}

func rename(dir int32) {
	file(dir, "f", "f")
	file(dir, "g", "g")
	mkdir(dir, "d")
	mkdir(dir, "e")
	mkdir(dir, "full")
	file(dir, "full/x", "")
	expect("onto a file", pathRename(dir, "f", dir, "g"), ok)
	_, e := statPath(dir, "f")
	expect("the old name", e, noent)
	s, _ := read(open(dir, "g", 0), 10)
	holds("the file", s == "f")
	expect("onto an empty directory", pathRename(dir, "d", dir, "e"), ok)
	_, e = statPath(dir, "d")
	expect("the old name", e, noent)
	expect("onto a full one", pathRename(dir, "e", dir, "full"), notempty, exist)
	expect("onto itself", pathRename(dir, "e", dir, "e"), ok)
	expect("below itself", pathRename(dir, "full", dir, "full/y"), inval)
	expect("a file onto a directory", pathRename(dir, "g", dir, "e"), isdir)
	expect("a directory onto a file", pathRename(dir, "e", dir, "g"), notdir)
	expect("of nothing", pathRename(dir, "nothing", dir, "x"), noent)
	expect("out of the directory", pathRename(dir, "g", dir, "../g"), perm, notcapable)
}

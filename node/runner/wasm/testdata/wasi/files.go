//go:build wasip1

package main

import (
	"fmt"
	"unsafe"
)

func init() {
	cases["fopen-with-access"] = func(dir int32) {
		file(dir, "f", "text")
		fd, e := tryOpen(dir, "f", 0, rightRead, 0)
		expect("path_open", e, ok)
		s, e := read(fd, 10)
		expect("fd_read", e, ok)
		holds("what was written", s == "text")
	}
	cases["fopen-with-no-access"] = func(int32) {
		_, e := tryOpen(preopened("/in"), "new", creat, allRights, 0)
		expect("making a file in the input", e, rofs, notcapable, perm)
		_, e = tryOpen(preopened("/in"), "data", 0, rightRead|rightWrite, 0)
		expect("writing to the input", e, rofs, notcapable, perm)
		s, e := read(open2(preopened("/in"), "data", rightRead), 10)
		expect("reading the input", e, ok)
		holds("what is in the input", s == "input")
	}
	cases["lseek"] = func(dir int32) {
		file(dir, "f", "0123456789")
		fd := open(dir, "f", 0)
		for _, test := range []struct {
			off    int64
			whence int32
			want   uint64
		}{{5, set, 5}, {2, cur, 7}, {-3, cur, 4}, {0, end, 10}, {-10, end, 0}, {100, set, 100}} {
			at, e := seek(fd, test.off, test.whence)
			expect("fd_seek", e, ok)
			holds("where it is", at == test.want)
		}
	}
	cases["file_seek_tell"] = seekTell
	cases["file_pread_pwrite"] = preadPwrite
	cases["pwrite-with-append"] = func(dir int32) {
		fd, e := tryOpen(dir, "f", creat, allRights, appendFlag)
		expect("path_open", e, ok)
		_, _ = write(fd, "abc")
		_, e = pwrite(fd, "X", 0)
		expect("fd_pwrite", e, ok)
		s, _ := pread(fd, 10, 0)
		holds("a place that counts, or the end: "+s, s == "Xbc" || s == "abcX")
	}
	cases["fd_flags_set"] = func(dir int32) {
		fd := open(dir, "f", creat)
		_, _ = write(fd, "abc")
		expect("fd_fdstat_set_flags", fdFdstatSetFlags(fd, appendFlag), ok)
		_, e := seek(fd, 0, set)
		expect("fd_seek", e, ok)
		_, _ = write(fd, "def")
		expect("fd_fdstat_set_flags", fdFdstatSetFlags(fd, 0), ok)
		_, _ = seek(fd, 0, set)
		_, _ = write(fd, "A")
		s, _ := pread(fd, 10, 0)
		holds("appending while it is set: "+s, s == "Abcdef")
		expect("syncing flags", fdFdstatSetFlags(fd, 2), ok, inval, notsup)
	}
	cases["fd_fdstat_set_rights"] = func(dir int32) {
		fd := open(dir, "f", creat)
		expect("fd_fdstat_set_rights", fdFdstatSetRights(fd, rightRead, 0), ok)
		_, e := write(fd, "x")
		expect("fd_write without the right", e, badf, notcapable)
	}
	cases["file_truncation"] = func(dir int32) {
		file(dir, "f", "0123456789")
		fd := open(dir, "f", trunc)
		holds("an empty file", stat(fd).size == 0)
		expect("fd_filestat_set_size", fdFilestatSetSize(fd, 100), ok)
		holds("a longer file", stat(fd).size == 100)
		s, e := pread(fd, 200, 0)
		expect("fd_pread", e, ok)
		holds("zeros", s == string(make([]byte, 100)))
	}
	cases["truncation_rights"] = func(dir int32) {
		file(dir, "f", "text")
		fd, e := tryOpen(dir, "f", 0, rightRead, 0)
		expect("path_open", e, ok)
		expect("fd_filestat_set_size of what is open for reading", fdFilestatSetSize(fd, 0), badf, notcapable, inval, perm)
		st, _ := statPath(dir, "f")
		holds("the old size", st.size == 4)
	}
	cases["file_allocate"] = func(dir int32) {
		fd := open(dir, "f", creat)
		expect("fd_allocate", fdAllocate(fd, 0, 100), ok)
		holds("a file that long", stat(fd).size == 100)
		expect("fd_allocate", fdAllocate(fd, 10, 10), ok)
		holds("no shorter", stat(fd).size == 100)
	}
	cases["fd_advise"] = func(dir int32) {
		fd := open(dir, "f", creat)
		for advice := range uint32(6) {
			expect("fd_advise", fdAdvise(fd, 0, 10, advice), ok)
		}
		expect("an unknown advice", fdAdvise(fd, 0, 10, 99), inval)
		expect("fd_sync", fdSync(fd), ok)
		expect("fd_datasync", fdDatasync(fd), ok)
	}
	cases["fd_filestat_get"] = func(dir int32) {
		for fd := range int32(3) {
			_ = stat(fd)
		}
		holds("a directory", stat(dir).kind == kindDir)
		st := stat(open(dir, "f", creat))
		holds("a file", st.kind == kindFile && st.nlink == 1 && st.size == 0)
	}
	cases["stat-dev-ino"] = func(dir int32) {
		file(dir, "f", "")
		file(dir, "g", "")
		a, b := stat(open(dir, "f", 0)), stat(open(dir, "g", 0))
		p, e := statPath(dir, "f")
		expect("path_filestat_get", e, ok)
		holds("one identity per file", a.dev == b.dev && a.ino != b.ino && p.ino == a.ino && p.dev == a.dev && a.ino != 0)
	}
	cases["fd_filestat_set"] = func(dir int32) {
		fd := open(dir, "f", creat)
		expect("fd_filestat_set_size", fdFilestatSetSize(fd, 5), ok)
		holds("the size", stat(fd).size == 5)
		before := stat(fd)
		expect("fd_filestat_set_times", fdFilestatSetTimes(fd, 0, before.mtim-100, 4), ok)
		holds("the time that was set", stat(fd).mtim == before.mtim-100)
	}
	cases["fstflags_validate"] = func(dir int32) {
		fd := open(dir, "f", creat)
		for _, flags := range []uint32{1 | 2, 4 | 8} {
			expect("fd_filestat_set_times", fdFilestatSetTimes(fd, 0, 0, flags), inval)
			expect("path_filestat_set_times", pathFilestatSetTimes(dir, 0, "f", 0, 0, flags), inval)
		}
	}
	cases["file_unbuffered_write"] = func(dir int32) {
		w := open(dir, "f", creat)
		r := open(dir, "f", 0)
		_, _ = write(w, "text")
		s, e := read(r, 10)
		expect("fd_read", e, ok)
		holds("what another descriptor wrote", s == "text")
	}
	cases["renumber"] = renumber
	cases["dangling_fd"] = func(dir int32) {
		fd := open(dir, "f", creat)
		expect("path_unlink_file", pathUnlinkFile(dir, "f"), ok)
		_, e := write(fd, "text")
		expect("fd_write to what has no name", e, ok)
		file(dir, "f", "new")
		s, _ := pread(fd, 10, 0)
		holds("the old file", s == "text")
	}
	cases["fd_close"] = func(dir int32) {
		fd := open(dir, "f", creat)
		expect("fd_close", fdClose(fd), ok)
		expect("fd_close again", fdClose(fd), badf)
		var st filestat
		expect("fd_filestat_get", fdFilestatGet(fd, unsafe.Pointer(&st)), badf)
	}
	cases["close_preopen"] = func(dir int32) {
		expect("fd_close", fdClose(dir), ok, notsup)
		_, e := tryOpen(dir, "f", creat, allRights, 0)
		expect("path_open below what was closed", e, badf)
	}
}

// open2 opens a path with some rights, which must do.
func open2(dir int32, path string, rights uint64) int32 {
	fd, e := tryOpen(dir, path, 0, rights, 0)
	expect("path_open "+path, e, ok)
	return fd
}

func seekTell(dir int32) {
	fd := open(dir, "f", creat)
	var at uint64
	expect("fd_tell", fdTell(fd, &at), ok)
	holds("the beginning", at == 0)
	_, _ = write(fd, "0123456789")
	expect("fd_tell", fdTell(fd, &at), ok)
	holds("the end", at == 10)
	_, e := seek(fd, -1, set)
	expect("before the beginning", e, inval)
	_, e = seek(fd, 0, 9)
	expect("from nowhere", e, inval)
	expect("fd_tell", fdTell(fd, &at), ok)
	holds("the place before the error", at == 10)
	_, e = seek(99, 0, set)
	expect("fd_seek", e, badf)
}

func preadPwrite(dir int32) {
	fd := open(dir, "f", creat)
	n, e := pwrite(fd, "0123456789", 0)
	expect("fd_pwrite", e, ok)
	holds("its count", n == 10)
	s, e := pread(fd, 4, 2)
	expect("fd_pread", e, ok)
	holds("what is there", s == "2345")
	s, e = pread(fd, 4, 100)
	expect("fd_pread past the end", e, ok)
	holds("nothing", s == "")
	var at uint64
	expect("fd_tell", fdTell(fd, &at), ok)
	holds("a place that did not move", at == 0)
	_, e = pwrite(fd, "x", 12)
	expect("fd_pwrite past the end", e, ok)
	s, _ = pread(fd, 20, 0)
	holds(fmt.Sprintf("zeros between: %q", s), s == "0123456789\x00\x00x")
	// Two buffers in one call.
	a, b := []byte("ab"), []byte("cd")
	v := [2]iovec{buffer(a), buffer(b)}
	var did uint32
	expect("fd_pwrite of two", fdPwrite(fd, unsafe.Pointer(&v), 2, 0, &did), ok)
	expect("fd_pread of two", fdPread(fd, unsafe.Pointer(&v), 2, 1, &did), ok)
	holds("four bytes", did == 4 && string(a)+string(b) == "bcd4")
	expect("fd_pread by nobody", fdPread(99, unsafe.Pointer(&v), 2, 1, &did), badf)
}

func renumber(dir int32) {
	from, to := open(dir, "f", creat), open(dir, "g", creat)
	_, _ = write(from, "f")
	expect("fd_renumber", fdRenumber(from, to), ok)
	_, e := write(from, "x")
	expect("fd_write to the old number", e, badf)
	s, _ := pread(to, 10, 0)
	holds("the file under its new number", s == "f")
	expect("fd_renumber of nothing", fdRenumber(99, to), badf)
}

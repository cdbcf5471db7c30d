//go:build wasip1

// Command wasi calls each function of wasi_snapshot_preview1 as the interface's own text
// describes it, in cases named as those of the public WASI test suite. Its first argument is a
// case's name, or "list".
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"unsafe"
)

// cases are functions from an open, empty output directory; one that fails panics.
var cases = map[string]func(dir int32){}

func main() {
	if os.Args[1] == "list" {
		var names []string
		for n := range cases {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names {
			fmt.Println(n)
		}
		return
	}
	do, have := cases[os.Args[1]]
	if !have {
		fmt.Println("no such case")
		os.Exit(2)
	}
	defer func() {
		if why := recover(); why != nil {
			fmt.Println(why)
			os.Exit(1)
		}
	}()
	do(preopened("/out"))
}

// preopened finds the descriptor of a directory that the host opened.
func preopened(want string) int32 {
	for fd := int32(3); ; fd++ {
		var prestat [2]uint32
		if e := fdPrestatGet(fd, unsafe.Pointer(&prestat)); e != ok {
			panic(fmt.Sprintf("no preopened directory %s: errno %d at %d", want, e, fd))
		}
		name := make([]byte, prestat[1])
		expect("fd_prestat_dir_name", fdPrestatDirName(fd, unsafe.Pointer(&name[0]), uint32(len(name))), ok)
		if string(name) == want {
			return fd
		}
	}
}

// expect ends the case unless a call gave one of the results.
func expect(call string, got errno, want ...errno) {
	if !slices.Contains(want, got) {
		panic(fmt.Sprintf("%s: errno %d, want %d", call, got, want))
	}
}

func holds(what string, is bool) {
	if !is {
		panic(what + " does not hold")
	}
}

// open opens a path with all rights, which must do.
func open(dir int32, path string, oflags uint32) int32 {
	fd, e := tryOpen(dir, path, oflags, allRights, 0)
	expect("path_open "+path, e, ok)
	return fd
}

func tryOpen(dir int32, path string, oflags uint32, rights uint64, fdflags uint32) (int32, errno) {
	fd := int32(-1)
	if oflags&directory != 0 {
		rights &^= rightWrite
	}
	e := pathOpen(dir, 0, path, oflags, rights, rights, fdflags, &fd)
	return fd, e
}

// file makes a file with a text and leaves it closed.
func file(dir int32, path, text string) {
	fd := open(dir, path, creat)
	n, e := write(fd, text)
	expect("fd_write", e, ok)
	holds("a whole write", n == len(text))
	expect("fd_close", fdClose(fd), ok)
}

func write(fd int32, text string) (int, errno) {
	b := []byte(text)
	v := buffer(b)
	var n uint32
	e := fdWrite(fd, unsafe.Pointer(&v), 1, &n)
	runtime.KeepAlive(b)
	return int(n), e
}

func read(fd int32, most int) (string, errno) {
	b := make([]byte, most)
	v := buffer(b)
	var n uint32
	e := fdRead(fd, unsafe.Pointer(&v), 1, &n)
	return string(b[:n]), e
}

func pread(fd int32, most int, off uint64) (string, errno) {
	b := make([]byte, most)
	v := buffer(b)
	var n uint32
	e := fdPread(fd, unsafe.Pointer(&v), 1, off, &n)
	return string(b[:n]), e
}

func pwrite(fd int32, text string, off uint64) (int, errno) {
	b := []byte(text)
	v := buffer(b)
	var n uint32
	e := fdPwrite(fd, unsafe.Pointer(&v), 1, off, &n)
	runtime.KeepAlive(b)
	return int(n), e
}

func seek(fd int32, off int64, whence int32) (uint64, errno) {
	var at uint64
	e := fdSeek(fd, off, whence, &at)
	return at, e
}

func stat(fd int32) filestat {
	var st filestat
	expect("fd_filestat_get", fdFilestatGet(fd, unsafe.Pointer(&st)), ok)
	return st
}

func statPath(dir int32, path string) (filestat, errno) {
	var st filestat
	e := pathFilestatGet(dir, 0, path, unsafe.Pointer(&st))
	return st, e
}

func mkdir(dir int32, path string) {
	expect("path_create_directory", pathCreateDirectory(dir, path), ok)
}

//go:build wasip1

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"
)

// Kinds of file.
const (
	kindUnknown, kindBlock, kindChar, kindDir, kindFile = 0, 1, 2, 3, 4
)

func init() {
	cases["args_get-multiple-arguments"] = func(int32) {
		got := strs(argsSizesGet, argsGet)
		holds("the arguments", fmt.Sprint(got) == "[wasi args_get-multiple-arguments a b c ä]" && len(got) == 5)
	}
	cases["environ_get-multiple-variables"] = func(int32) {
		holds("the environment", fmt.Sprint(strs(environSizesGet, environGet)) == "[A=1 B=]")
	}
	cases["clock_getres-monotonic"] = func(int32) { clockRes(1) }
	cases["clock_getres-realtime"] = func(int32) { clockRes(0) }
	cases["clock_gettime-monotonic"] = func(int32) { clockTime(1) }
	cases["clock_gettime-realtime"] = func(int32) { clockTime(0) }
	cases["clock_time_get"] = func(int32) {
		var t uint64
		expect("an unknown clock", clockTimeGet(99, 0, &t), inval)
		expect("any precision", clockTimeGet(1, 1<<63, &t), ok)
	}
	cases["fd_write-to-stdout"] = func(int32) {
		n, e := write(1, "text\n")
		expect("fd_write", e, ok)
		holds("its count", n == 5)
	}
	cases["fd_write-to-invalid-fd"] = func(int32) { _, e := write(99, "x"); expect("fd_write", e, badf) }
	cases["proc_exit-success"] = func(int32) { procExit(0) }
	cases["proc_raise"] = func(int32) { expect("proc_raise", procRaise(9), nosys, notsup) }
	cases["random_get-zero-length"] = func(int32) { var b byte; expect("random_get", randomGet(unsafe.Pointer(&b), 0), ok) }
	cases["big_random_buf"] = func(int32) {
		b := make([]byte, 1<<16)
		expect("random_get", randomGet(unsafe.Pointer(&b[0]), uint32(len(b))), ok)
		holds("bytes of every kind", len(bytes.TrimLeft(b, "\x00")) > 1<<15 && bytes.Count(b, []byte{b[0]}) < 1000)
	}
	cases["sched_yield"] = func(int32) { expect("sched_yield", schedYield(), ok) }
	cases["sock_shutdown-invalid_fd"] = func(int32) { expect("sock_shutdown", sockShutdown(99, 3), badf) }
	cases["sock_shutdown-not_sock"] = func(dir int32) {
		file(dir, "f", "")
		expect("sock_shutdown", sockShutdown(open(dir, "f", 0), 3), notsock)
	}
	cases["sock_accept-not_sock"] = func(dir int32) {
		var fd int32
		file(dir, "f", "")
		expect("sock_accept", sockAccept(open(dir, "f", 0), 0, &fd), notsock)
	}
	cases["stdio"] = func(int32) {
		for fd := range int32(3) {
			var st fdstat
			expect("fd_fdstat_get", fdFdstatGet(fd, unsafe.Pointer(&st)), ok)
		}
		s, e := read(0, 10)
		expect("fd_read", e, ok)
		holds("the end of an input that is empty", s == "")
	}
	cases["isatty"] = func(dir int32) {
		file(dir, "f", "")
		for _, fd := range []int32{0, 1, 2, open(dir, "f", 0)} {
			var st fdstat
			expect("fd_fdstat_get", fdFdstatGet(fd, unsafe.Pointer(&st)), ok)
			holds(fmt.Sprint("that ", fd, " is no terminal"), st.kind != kindChar || st.rights&(rightSeek|rightTell) != 0)
		}
	}
	cases["poll_oneoff_clock"] = pollClock
	cases["poll_oneoff_stdin"] = pollStdin
	cases["poll_oneoff_stdio"] = pollStdio
}

// strs reads a list of texts as WASI hands them over.
func strs(sizes func(count, size *uint32) errno, get func(list, buf unsafe.Pointer) errno) []string {
	var count, size uint32
	expect("the sizes", sizes(&count, &size), ok)
	list, buf := make([]uint32, count+1), make([]byte, size+1)
	expect("the texts", get(unsafe.Pointer(&list[0]), unsafe.Pointer(&buf[0])), ok)
	if size == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(buf[:size]), "\x00"), "\x00")
}

func clockRes(id uint32) {
	var res uint64
	expect("clock_res_get", clockResGet(id, &res), ok)
	holds("a resolution", res > 0)
}

func clockTime(id uint32) {
	var a, b uint64
	expect("clock_time_get", clockTimeGet(id, 1, &a), ok)
	expect("clock_time_get", clockTimeGet(id, 1, &b), ok)
	holds("a clock that goes on", b >= a && (id == 1 || a > 1e18))
}

// subscription is a poll's: 48 bytes.
func subscription(kind byte, userdata uint64) []byte {
	b := make([]byte, 48)
	binary.LittleEndian.PutUint64(b, userdata)
	b[8] = kind
	return b
}

func pollClock(int32) {
	in, out := subscription(0, 7), make([]byte, 32)
	binary.LittleEndian.PutUint32(in[16:], 1)      // monotonic
	binary.LittleEndian.PutUint64(in[24:], 3600e9) // an hour from now
	var before, after uint64
	expect("clock_time_get", clockTimeGet(1, 1, &before), ok)
	var n uint32
	expect("poll_oneoff", pollOneoff(unsafe.Pointer(&in[0]), unsafe.Pointer(&out[0]), 1, &n), ok)
	expect("clock_time_get", clockTimeGet(1, 1, &after), ok)
	holds("one event", n == 1 && binary.LittleEndian.Uint64(out) == 7)
	holds("an hour gone", after-before >= 3600e9)
	expect("poll_oneoff of nothing", pollOneoff(unsafe.Pointer(&in[0]), unsafe.Pointer(&out[0]), 0, &n), inval)
}

// pollStdin waits for input, which has ended, or for a time.
func pollStdin(int32) {
	in := append(subscription(0, 1), subscription(1, 2)...)
	binary.LittleEndian.PutUint32(in[16:], 1)
	binary.LittleEndian.PutUint64(in[24:], 1e9)
	out := make([]byte, 64)
	var n uint32
	expect("poll_oneoff", pollOneoff(unsafe.Pointer(&in[0]), unsafe.Pointer(&out[0]), 2, &n), ok)
	holds("an event", n >= 1)
	for i := range n {
		holds("no error in the event", binary.LittleEndian.Uint16(out[32*i+8:]) == 0)
	}
}

func pollStdio(int32) {
	in := append(subscription(2, 1), subscription(2, 2)...) // for writing
	binary.LittleEndian.PutUint32(in[16:], 1)
	binary.LittleEndian.PutUint32(in[48+16:], 2)
	out := make([]byte, 64)
	var n uint32
	expect("poll_oneoff", pollOneoff(unsafe.Pointer(&in[0]), unsafe.Pointer(&out[0]), 2, &n), ok)
	holds("both ready", n == 2)
	for i := range 2 {
		holds("no error in the event", binary.LittleEndian.Uint16(out[32*i+8:]) == 0)
	}
}

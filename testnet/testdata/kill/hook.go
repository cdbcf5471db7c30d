// The chaos tests build rerig with this file among those of its command: it is in no
// other build. RERIG_KILL="before 17" has the process kill itself as it is about to
// write to the journal's files for the 17th time, "after 17" when it has.
package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

type pwrite func(tls *libc.TLS, fd int32, buf uintptr, n uint64, at int64) int64

var (
	systemWrite pwrite
	killPoint   struct {
		when string
		at   int64
		seen atomic.Int64
	}
	watchedWrite pwrite = func(tls *libc.TLS, fd int32, buf uintptr, n uint64, at int64) int64 {
		turn := killPoint.seen.Add(1) == killPoint.at
		if turn && killPoint.when == "before" {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		written := systemWrite(tls, fd, buf, n, at)
		if turn {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return written
	}
)

// SQLite has a table of the system calls it uses, made for tests like these.
func init() {
	order := os.Getenv("RERIG_KILL")
	if order == "" {
		return
	}
	if _, err := fmt.Sscan(order, &killPoint.when, &killPoint.at); err != nil {
		panic(err)
	}
	tls := libc.NewTLS()
	vfs := sqlite3.Xsqlite3_vfs_find(tls, 0)
	table := (*sqlite3.Tsqlite3_vfs)(unsafe.Pointer(vfs))
	get := *(*func(*libc.TLS, uintptr, uintptr) uintptr)(unsafe.Pointer(&struct{ uintptr }{table.FxGetSystemCall}))
	set := *(*func(*libc.TLS, uintptr, uintptr, uintptr) int32)(unsafe.Pointer(&struct{ uintptr }{table.FxSetSystemCall}))
	name, err := libc.CString("pwrite")
	if err != nil {
		panic(err)
	}
	systemWrite = *(*pwrite)(unsafe.Pointer(&struct{ uintptr }{get(tls, vfs, name)}))
	if code := set(tls, vfs, name, *(*uintptr)(unsafe.Pointer(&watchedWrite))); code != sqlite3.SQLITE_OK {
		panic(fmt.Sprint("SQLite does not write with pwrite: ", code))
	}
}

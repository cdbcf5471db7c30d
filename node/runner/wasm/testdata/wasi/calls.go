//go:build wasip1

package main

import "unsafe"

// errno is a result of a WASI call, as wasi_snapshot_preview1 numbers them.
type errno uint32

const (
	ok          errno = 0
	access      errno = 2
	badf        errno = 8
	exist       errno = 20
	inval       errno = 28
	isdir       errno = 31
	loop        errno = 32
	noent       errno = 44
	nosys       errno = 52
	notdir      errno = 54
	notempty    errno = 55
	notsock     errno = 57
	notsup      errno = 58
	perm        errno = 63
	rofs        errno = 69
	spipe       errno = 70
	notcapable  errno = 76
	ilseq       errno = 25
	busy        errno = 10
	nametoolong errno = 37
)

// Flags and rights of wasi_snapshot_preview1.
const (
	creat, directory, excl, trunc uint32 = 1, 2, 4, 8
	appendFlag, nonblock          uint32 = 1, 4
	follow                        uint32 = 1

	rightRead, rightSeek, rightWrite, rightTell uint64 = 1 << 1, 1 << 2, 1 << 6, 1 << 5
	allRights                                   uint64 = 1<<30 - 1

	set, cur, end int32 = 0, 1, 2
)

// iovec is a buffer. Go's pointers take eight bytes in memory here, WASI's four.
type iovec struct{ base, size uint32 }

// buffer is b's, which the caller keeps alive; an empty one has room for nothing.
func buffer(b []byte) iovec {
	return iovec{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint32(len(b))}
}

type filestat struct {
	dev, ino         uint64
	kind             uint8
	nlink, size      uint64
	atim, mtim, ctim uint64
}

type fdstat struct {
	kind       uint8
	flags      uint16
	rights     uint64
	inheriting uint64
}

// These are the imports themselves; cases wrap what they need more than once.

//go:wasmimport wasi_snapshot_preview1 args_sizes_get
func argsSizesGet(count, size *uint32) errno

//go:wasmimport wasi_snapshot_preview1 args_get
func argsGet(argv, buf unsafe.Pointer) errno

//go:wasmimport wasi_snapshot_preview1 environ_sizes_get
func environSizesGet(count, size *uint32) errno

//go:wasmimport wasi_snapshot_preview1 environ_get
func environGet(env, buf unsafe.Pointer) errno

//go:wasmimport wasi_snapshot_preview1 clock_res_get
func clockResGet(id uint32, res *uint64) errno

//go:wasmimport wasi_snapshot_preview1 clock_time_get
func clockTimeGet(id uint32, precision uint64, t *uint64) errno

//go:wasmimport wasi_snapshot_preview1 fd_advise
func fdAdvise(fd int32, off, size uint64, advice uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_allocate
func fdAllocate(fd int32, off, size uint64) errno

//go:wasmimport wasi_snapshot_preview1 fd_close
func fdClose(fd int32) errno

//go:wasmimport wasi_snapshot_preview1 fd_datasync
func fdDatasync(fd int32) errno

//go:wasmimport wasi_snapshot_preview1 fd_sync
func fdSync(fd int32) errno

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_get
func fdFdstatGet(fd int32, stat unsafe.Pointer) errno

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_set_flags
func fdFdstatSetFlags(fd int32, flags uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_fdstat_set_rights
func fdFdstatSetRights(fd int32, base, inheriting uint64) errno

//go:wasmimport wasi_snapshot_preview1 fd_filestat_get
func fdFilestatGet(fd int32, stat unsafe.Pointer) errno

//go:wasmimport wasi_snapshot_preview1 fd_filestat_set_size
func fdFilestatSetSize(fd int32, size uint64) errno

//go:wasmimport wasi_snapshot_preview1 fd_filestat_set_times
func fdFilestatSetTimes(fd int32, atim, mtim uint64, flags uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_pread
func fdPread(fd int32, iovs unsafe.Pointer, n uint32, off uint64, got *uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_pwrite
func fdPwrite(fd int32, iovs unsafe.Pointer, n uint32, off uint64, got *uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_read
func fdRead(fd int32, iovs unsafe.Pointer, n uint32, got *uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_write
func fdWrite(fd int32, iovs unsafe.Pointer, n uint32, got *uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_readdir
func fdReaddir(fd int32, buf unsafe.Pointer, size uint32, cookie uint64, used *uint32) errno

//go:wasmimport wasi_snapshot_preview1 fd_renumber
func fdRenumber(from, to int32) errno

//go:wasmimport wasi_snapshot_preview1 fd_seek
func fdSeek(fd int32, off int64, whence int32, at *uint64) errno

//go:wasmimport wasi_snapshot_preview1 fd_tell
func fdTell(fd int32, at *uint64) errno

//go:wasmimport wasi_snapshot_preview1 fd_prestat_get
func fdPrestatGet(fd int32, prestat unsafe.Pointer) errno

//go:wasmimport wasi_snapshot_preview1 fd_prestat_dir_name
func fdPrestatDirName(fd int32, buf unsafe.Pointer, size uint32) errno

//go:wasmimport wasi_snapshot_preview1 path_create_directory
func pathCreateDirectory(fd int32, path string) errno

//go:wasmimport wasi_snapshot_preview1 path_filestat_get
func pathFilestatGet(fd int32, flags uint32, path string, stat unsafe.Pointer) errno

//go:wasmimport wasi_snapshot_preview1 path_filestat_set_times
func pathFilestatSetTimes(fd int32, flags uint32, path string, atim, mtim uint64, fst uint32) errno

//go:wasmimport wasi_snapshot_preview1 path_link
func pathLink(fd int32, flags uint32, from string, to int32, name string) errno

//go:wasmimport wasi_snapshot_preview1 path_open
func pathOpen(fd int32, dirflags uint32, path string, oflags uint32, base, inheriting uint64, fdflags uint32, opened *int32) errno

//go:wasmimport wasi_snapshot_preview1 path_readlink
func pathReadlink(fd int32, path string, buf unsafe.Pointer, size uint32, used *uint32) errno

//go:wasmimport wasi_snapshot_preview1 path_remove_directory
func pathRemoveDirectory(fd int32, path string) errno

//go:wasmimport wasi_snapshot_preview1 path_rename
func pathRename(fd int32, from string, to int32, name string) errno

//go:wasmimport wasi_snapshot_preview1 path_symlink
func pathSymlink(target string, fd int32, name string) errno

//go:wasmimport wasi_snapshot_preview1 path_unlink_file
func pathUnlinkFile(fd int32, path string) errno

//go:wasmimport wasi_snapshot_preview1 poll_oneoff
func pollOneoff(in, out unsafe.Pointer, n uint32, events *uint32) errno

//go:wasmimport wasi_snapshot_preview1 proc_exit
func procExit(code uint32)

//go:wasmimport wasi_snapshot_preview1 proc_raise
func procRaise(signal uint32) errno

//go:wasmimport wasi_snapshot_preview1 random_get
func randomGet(buf unsafe.Pointer, size uint32) errno

//go:wasmimport wasi_snapshot_preview1 sched_yield
func schedYield() errno

//go:wasmimport wasi_snapshot_preview1 sock_shutdown
func sockShutdown(fd int32, how uint32) errno

//go:wasmimport wasi_snapshot_preview1 sock_accept
func sockAccept(fd int32, flags uint32, accepted *int32) errno

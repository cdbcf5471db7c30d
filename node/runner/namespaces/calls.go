//go:build linux && (amd64 || arm64)

package namespaces

import (
	"maps"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A system call that is not named here does not exist for a job (ENOSYS), so that a newer
// C library falls back to an older call. The lists were made from the calls of Debian's
// glibc, Python, Node.js, ffmpeg, Blender and Go's runtime, and from what Docker's default
// profile allows without capabilities.

// allowed are the calls that a job may make, on both architectures.
var allowed = []uint32{
	// Files.
	unix.SYS_CHDIR, unix.SYS_CLOSE, unix.SYS_CLOSE_RANGE, unix.SYS_COPY_FILE_RANGE, unix.SYS_DUP, unix.SYS_DUP3,
	unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_FADVISE64, unix.SYS_FALLOCATE, unix.SYS_FCHDIR, unix.SYS_FCHMOD,
	unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_FCNTL, unix.SYS_FDATASYNC,
	unix.SYS_FGETXATTR, unix.SYS_FLISTXATTR, unix.SYS_FLOCK, unix.SYS_FREMOVEXATTR, unix.SYS_FSETXATTR, unix.SYS_FSTAT,
	unix.SYS_FSTATFS, unix.SYS_FSYNC, unix.SYS_FTRUNCATE, unix.SYS_GETCWD, unix.SYS_GETDENTS64, unix.SYS_GETXATTR,
	unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_RM_WATCH, unix.SYS_LGETXATTR, unix.SYS_LINKAT,
	unix.SYS_LISTXATTR, unix.SYS_LLISTXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_LSEEK, unix.SYS_LSETXATTR, unix.SYS_MKDIRAT,
	unix.SYS_MKNODAT, unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_PIPE2, unix.SYS_PREAD64, unix.SYS_PREADV, unix.SYS_PREADV2,
	unix.SYS_PWRITE64, unix.SYS_PWRITEV, unix.SYS_PWRITEV2, unix.SYS_READ, unix.SYS_READAHEAD, unix.SYS_READLINKAT,
	unix.SYS_READV, unix.SYS_REMOVEXATTR, unix.SYS_RENAMEAT2, unix.SYS_SENDFILE, unix.SYS_SETXATTR, unix.SYS_SPLICE,
	unix.SYS_STATFS, unix.SYS_STATX, unix.SYS_SYMLINKAT, unix.SYS_SYNC, unix.SYS_SYNCFS, unix.SYS_SYNC_FILE_RANGE,
	unix.SYS_TEE, unix.SYS_TRUNCATE, unix.SYS_UMASK, unix.SYS_UNLINKAT, unix.SYS_UTIMENSAT, unix.SYS_VMSPLICE,
	unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_CACHESTAT,
	// Memory.
	unix.SYS_BRK, unix.SYS_MADVISE, unix.SYS_MEMFD_CREATE, unix.SYS_MINCORE, unix.SYS_MLOCK, unix.SYS_MLOCK2,
	unix.SYS_MLOCKALL, unix.SYS_MMAP, unix.SYS_MPROTECT, unix.SYS_MREMAP, unix.SYS_MSYNC, unix.SYS_MUNLOCK,
	unix.SYS_MUNLOCKALL, unix.SYS_MUNMAP, unix.SYS_REMAP_FILE_PAGES, unix.SYS_PKEY_ALLOC, unix.SYS_PKEY_FREE,
	unix.SYS_PKEY_MPROTECT, unix.SYS_MEMBARRIER,
	// Processes and threads.
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_WAIT4, unix.SYS_WAITID,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETPGID, unix.SYS_SETPGID, unix.SYS_GETSID, unix.SYS_SETSID,
	unix.SYS_GETPRIORITY, unix.SYS_SETPRIORITY, unix.SYS_GETRUSAGE, unix.SYS_TIMES, unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT,
	unix.SYS_PRLIMIT64, unix.SYS_PRCTL, unix.SYS_GETCPU, unix.SYS_SET_TID_ADDRESS, unix.SYS_SET_ROBUST_LIST,
	unix.SYS_GET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_RESTART_SYSCALL, unix.SYS_SECCOMP,
	unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF,
	unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_GETATTR, unix.SYS_SCHED_SETATTR,
	unix.SYS_SCHED_GETPARAM, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_GETSCHEDULER, unix.SYS_SCHED_SETSCHEDULER,
	unix.SYS_SCHED_GET_PRIORITY_MAX, unix.SYS_SCHED_GET_PRIORITY_MIN, unix.SYS_SCHED_RR_GET_INTERVAL, unix.SYS_SCHED_YIELD,
	unix.SYS_IOPRIO_GET, unix.SYS_IOPRIO_SET, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL,
	// Signals, time, waiting.
	unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_TGKILL, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPENDING, unix.SYS_RT_SIGPROCMASK,
	unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_SIGRETURN, unix.SYS_RT_SIGSUSPEND, unix.SYS_RT_SIGTIMEDWAIT,
	unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_SIGALTSTACK, unix.SYS_SIGNALFD4, unix.SYS_CLOCK_GETRES, unix.SYS_CLOCK_GETTIME,
	unix.SYS_CLOCK_NANOSLEEP, unix.SYS_GETTIMEOFDAY, unix.SYS_NANOSLEEP, unix.SYS_GETITIMER, unix.SYS_SETITIMER,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_DELETE, unix.SYS_TIMER_GETOVERRUN, unix.SYS_TIMER_GETTIME, unix.SYS_TIMER_SETTIME,
	unix.SYS_TIMERFD_CREATE, unix.SYS_TIMERFD_GETTIME, unix.SYS_TIMERFD_SETTIME, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL,
	unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2, unix.SYS_EVENTFD2, unix.SYS_PPOLL, unix.SYS_PSELECT6, unix.SYS_FUTEX,
	unix.SYS_FUTEX_WAITV, unix.SYS_FUTEX_WAIT, unix.SYS_FUTEX_WAKE, unix.SYS_FUTEX_REQUEUE,
	unix.SYS_IO_SETUP, unix.SYS_IO_DESTROY, unix.SYS_IO_SUBMIT, unix.SYS_IO_CANCEL, unix.SYS_IO_GETEVENTS, unix.SYS_IO_PGETEVENTS,
	// Users; a job has no capability, so it can become nobody else.
	unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETGROUPS, unix.SYS_GETRESUID,
	unix.SYS_GETRESGID, unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID, unix.SYS_SETREGID, unix.SYS_SETRESUID,
	unix.SYS_SETRESGID, unix.SYS_SETGROUPS, unix.SYS_SETFSUID, unix.SYS_SETFSGID, unix.SYS_CAPGET, unix.SYS_CAPSET,
	// Its own network, IPC and machine.
	unix.SYS_SOCKETPAIR, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4, unix.SYS_CONNECT,
	unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKOPT,
	unix.SYS_SHUTDOWN, unix.SYS_SENDMSG, unix.SYS_RECVMSG, unix.SYS_SENDMMSG, unix.SYS_RECVMMSG,
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_SHMDT, unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMCTL,
	unix.SYS_SEMTIMEDOP, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL, unix.SYS_MQ_OPEN,
	unix.SYS_MQ_UNLINK, unix.SYS_MQ_TIMEDSEND, unix.SYS_MQ_TIMEDRECEIVE, unix.SYS_MQ_NOTIFY, unix.SYS_MQ_GETSETATTR,
	unix.SYS_UNAME, unix.SYS_SYSINFO, unix.SYS_GETRANDOM,
}

// refused are the calls that exist and are none of a job's business (EPERM): other namespaces,
// mounts, tracing, the kernel's own programs, keys, modules, clocks, devices, quotas.
var refused = []uint32{
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_MOUNT, unix.SYS_UMOUNT2,
	unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
	unix.SYS_MOUNT_SETATTR, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
	unix.SYS_FANOTIFY_MARK, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
	unix.SYS_PROCESS_MRELEASE, unix.SYS_KCMP, unix.SYS_PIDFD_GETFD, unix.SYS_PERF_EVENT_OPEN, unix.SYS_BPF, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_KEYCTL, unix.SYS_ADD_KEY,
	unix.SYS_REQUEST_KEY, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD,
	unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL,
	unix.SYS_QUOTACTL_FD, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
	unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_NFSSERVCTL,
	unix.SYS_MBIND, unix.SYS_SET_MEMPOLICY, unix.SYS_GET_MEMPOLICY, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
	unix.SYS_LOOKUP_DCOOKIE,
}

// Instructions of the filter (the kernel's seccomp_filter.rst): classic BPF over the fields
// of struct seccomp_data.
const (
	load    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	equal   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	over    = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	anyBit  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	ret     = unix.BPF_RET | unix.BPF_K
	allow   = unix.SECCOMP_RET_ALLOW
	deny    = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	unknown = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	family  = unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)

	callField, archField, argField = 0, 4, 16 // offsets; each argument is 8 bytes, its low half first

	// newNamespaces are clone's flags that would make one. CLONE_NEWTIME is not
	// clone's: its bit is the exit signal's.
	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

	tiocsti   = 0x5412 // types into a terminal
	tioclinux = 0x541c // and selects on one
)

// looked are the calls that depend on an argument. Each program ends in a return.
var looked = map[uint32][]unix.SockFilter{
	unix.SYS_CLONE: {
		{Code: load, K: argField},
		{Code: anyBit, K: newNamespaces, Jf: 1},
		{Code: ret, K: deny}, {Code: ret, K: allow},
	},
	unix.SYS_CLONE3: {{Code: ret, K: unknown}}, // its flags are in memory, where no filter sees them
	unix.SYS_PERSONALITY: { // to be what one is, or to ask
		{Code: load, K: argField},
		{Code: equal, K: 0, Jt: 2},
		{Code: equal, K: 0xffffffff, Jt: 1},
		{Code: ret, K: deny}, {Code: ret, K: allow},
	},
	unix.SYS_IOCTL: {
		{Code: load, K: argField + 8},
		{Code: equal, K: tiocsti, Jt: 1},
		{Code: equal, K: tioclinux, Jf: 1},
		{Code: ret, K: deny}, {Code: ret, K: allow},
	},
	unix.SYS_SOCKET: { // any other family or protocol might have the kernel load a module for it
		{Code: load, K: argField},
		{Code: equal, K: unix.AF_UNIX, Jt: 12},
		{Code: equal, K: unix.AF_INET, Jt: 4},
		{Code: equal, K: unix.AF_INET6, Jt: 3},
		{Code: equal, K: unix.AF_NETLINK, Jf: 10}, // C libraries list their interfaces with it
		{Code: load, K: argField + 16},
		{Code: equal, K: unix.NETLINK_ROUTE, Jt: 7, Jf: 8},
		{Code: load, K: argField + 16},
		{Code: equal, K: 0, Jt: 5},
		{Code: equal, K: unix.IPPROTO_TCP, Jt: 4},
		{Code: equal, K: unix.IPPROTO_UDP, Jt: 3},
		{Code: equal, K: unix.IPPROTO_ICMP, Jt: 2},
		{Code: equal, K: unix.IPPROTO_ICMPV6, Jt: 1},
		{Code: equal, K: unix.IPPROTO_MPTCP, Jf: 1},
		{Code: ret, K: allow}, {Code: ret, K: family},
	},
}

// filter is the program that decides over every call of a job: a ladder over the call
// numbers, upwards, one rung for each run of numbers that fare alike.
func filter() []unix.SockFilter {
	verdicts := maps.Clone(looked)
	for _, n := range refused {
		verdicts[n] = []unix.SockFilter{{Code: ret, K: deny}}
	}
	for _, n := range slices.Concat(allowed, allowedHere) {
		verdicts[n] = []unix.SockFilter{{Code: ret, K: allow}}
	}
	code := []unix.SockFilter{
		{Code: load, K: archField},
		{Code: equal, K: auditArch, Jt: 1},
		{Code: ret, K: unix.SECCOMP_RET_KILL_PROCESS}, // another ABI, which has numbers of its own
		{Code: load, K: callField},
	}
	none := []unix.SockFilter{{Code: ret, K: unknown}}
	top := slices.Max(slices.Collect(maps.Keys(verdicts)))
	at := func(n uint32) []unix.SockFilter {
		if v, ok := verdicts[n]; ok {
			return v
		}
		return none
	}
	for n := uint32(0); n <= top; n++ {
		v := at(n)
		if n < top && slices.Equal(v, at(n+1)) {
			continue
		}
		code = append(code, unix.SockFilter{Code: over, K: n, Jt: uint8(len(v))})
		code = append(code, v...)
	}
	return append(code, none...)
}

// filterCalls puts the calling thread, and what it starts, under the filter for good. The
// thread must have given up new privileges.
func filterCalls() error {
	code := filter()
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); e != 0 {
		return e
	}
	return nil
}

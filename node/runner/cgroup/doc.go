// Package cgroup holds each job in a control group of its own: memory, CPU share and
// processes limited by the kernel, usage counted by it, and everything in the group
// halted or killed at once (Linux's cgroup-v1 and cgroup-v2 admin guides).
//
// Begin with Open: it looks at what this machine has (v1, v2 or both), finds where this
// process may make groups, removes what a daemon that died left behind, and tries every
// limit on an empty group. Parent.Enforces then says what really holds. Package
// cgroup is for Linux alone; elsewhere it has only Limits.
//
// Limits of memory, CPU and processes under v2 are unproven: they were only run against
// a scripted tree of files. Everything of v1, and v2's freezing, killing, CPU time and
// devices, is tested against the kernel.
package cgroup

// Limits is what a group may use. Zero means no limit of ours. A limit that
// Parent.Enforces denies is not applied.
type Limits struct {
	// MemoryBytes caps memory and swap together; page cache and files in memory
	// count.
	MemoryBytes uint64
	// CPUs is how many cores' worth of time the group gets in every 100 ms.
	CPUs int
	// Processes caps processes and threads together.
	Processes int
	// Devices are the character devices that may be opened to read and write, and no others,
	// nor block devices; nil leaves all as they are.
	Devices []Device
}

// Device is a character device by its numbers.
type Device struct{ Major, Minor uint32 }

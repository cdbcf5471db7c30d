// Package namespaces runs a container's program on the host's own kernel, walled off by
// namespaces, a list of the system calls that it may make, and no privileges at all. It
// implements the engine "container" of SPEC §5.1, held as `container:namespaces`: weaker
// than a kernel of its own, because a fault in the host's kernel is in a job's reach; a
// miner chooses it for cards and drivers that gVisor does not know.
//
// Begin with Main as the first line of main(), then New, keep Run going, and call Start for
// each job. A job has its own user, process, mount, network, IPC, host name and
// control-group namespaces and never has the host's root. It sees its image read-only, a few
// harmless devices, /proc without what tells of the host, no /sys but for its cards', and a
// loopback that nothing else reaches. All of it belongs to one process, the sandbox's init: when that
// ends, by whatever, the kernel removes every process, mount and network of the job.
//
// What a job writes is in memory, and counts as its memory: /tmp, /run, /dev/shm and /var/tmp
// share Spec.ScratchBytes, and /out has Spec.OutputBytes, held by the kernel to the page;
// the files are copied to Spec.OutDir at the end. So a job needs memory for its outputs.
//
// As root the job's files keep the owners that the image gives them (Linux 5.12, for most
// file systems; before, all belong to nobody, and only what everybody may read is read).
// As another user there is one user inside, with the numbers of the job's. Where such a
// rig was given no control groups, processes are still limited, by user (Linux 5.14);
// memory is looked at a few times a second and the job ended when it is over; a job may
// use every moment of its cores, and cannot be paused. Probe says which.
package namespaces

import (
	"errors"
	"log/slog"
)

// ErrNotHere is returned by New where the system has no namespaces.
var ErrNotHere = errors.New("containers in namespaces are not on this system")

// Config is what an Engine needs.
type Config struct {
	// Program is the static binary whose main calls Main first; "" for the running one.
	Program string
	// Parent makes each job's control group; nil for none: then nothing limits memory
	// and CPUs.
	Parent *Parent
	// Logger gets what nobody is told otherwise; nil for none.
	Logger *slog.Logger
}

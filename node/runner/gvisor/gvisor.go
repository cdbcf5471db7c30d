// Package gvisor runs a container's program under gVisor: a kernel of its own, in user
// space, that answers the job's system calls. gVisor is a program of its own (sandbox/) that
// this binary embeds and starts from memory: what a rig runs is one file. It implements the
// engine "container" of SPEC §5.1, held as `container:gvisor`.
//
// Begin with Main as the first line of main(), then New, keep Run going, and call Start for
// each job. Every job has five namespaces, a control group where the machine has them, a
// root that no write reaches, and a loopback that only Job.Dial enters. All of it belongs
// to one process, the sandbox's init: when that ends, by whatever, the kernel removes every
// process, mount and network of the job.
//
// As root the kernel holds a job to its memory, CPUs and processes. As another user it has
// no control group: processes are still limited, by gVisor; memory is looked at a few times
// a second and the job ended when it is over; a job may use every core. Probe
// says which. There every container's user is number 0 inside, who has no privilege.
package gvisor

import (
	"errors"
	"log/slog"
)

// ErrNotHere is returned by New where this build has no gVisor.
var ErrNotHere = errors.New("containers under gVisor are not on this system")

// Config is what an Engine needs.
type Config struct {
	// DataDir holds one directory for each running job. The engine makes it and needs it
	// alone; what an engine that was killed left there is removed by Run.
	DataDir string
	// Sandbox is the sandbox program; "" for the one that this binary embeds.
	Sandbox string
	// Program is the static binary whose main calls Main first, which the self-test runs
	// inside; "" for the running one.
	Program string
	// Parent makes each job's control group; nil for none, as for an unprivileged user.
	Parent *Parent
	// Warm is how many processes wait for a job, so that it starts sooner; 0 means 1, and a
	// negative number none.
	Warm int
	// Logger gets what nobody is told otherwise; nil for none.
	Logger *slog.Logger
}

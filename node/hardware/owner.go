package hardware

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// Owner is the process that has leased a card: a process ID alone may be given to another
// one later, and after a restart of the machine all of them are.
type Owner struct {
	Boot    string `json:"boot"`
	PID     int    `json:"pid"`
	Started uint64 `json:"started"` // in the kernel's ticks since the boot
}

// errNoOwner is a system that does not tell its processes apart.
var errNoOwner = errors.New("cards are leased on Linux only: no boot ID or process start time here")

// owner is a process, 0 for this one.
func (s Sources) owner(pid int) (Owner, error) {
	if pid == 0 {
		pid = os.Getpid()
	}
	o := Owner{Boot: s.boot(), PID: pid}
	started, ok := s.started(pid)
	if o.Boot == "" || !ok {
		return Owner{}, errNoOwner
	}
	o.Started = started
	return o, nil
}

func (s Sources) boot() string { return clean(text(s.Proc, "sys/kernel/random/boot_id")) }

// alive reports whether the process still runs.
func (s Sources) alive(o Owner) bool {
	started, ok := s.started(o.PID)
	return ok && started == o.Started && s.boot() == o.Boot
}

// started is when a process began (proc(5), /proc/pid/stat, field 22); false when it has
// ended. The name before it is in parentheses and may hold anything.
func (s Sources) started(pid int) (uint64, bool) {
	stat := text(s.Proc, strconv.Itoa(pid), "stat")
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, false
	}
	f := strings.Fields(stat[i+1:])
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return 0, false
	}
	n, err := strconv.ParseUint(f[19], 10, 64)
	return n, err == nil
}

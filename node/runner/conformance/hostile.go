package conformance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rerig/rerig/node/runner"
)

// long tells that this run is `make hostile`, which takes the time that it takes.
func long() bool { return os.Getenv("RERIG_HOSTILE") != "" }

// attempt is one way in which a hostile job might reach what is not its own. The guest knows
// how, under the same name; whether it came to anything, the witness says.
type attempt struct {
	name string
	// calls are what a module would need for it: they must not exist. Without any, a module
	// tries too.
	calls []string
	// user is the job's, inside.
	user uint32
	// ends tells that the job may be ended for it, and so has no other attempts.
	ends bool
	// run is for what takes more than a job that tries.
	run func(s *suite, w *witness, t testing.TB) error
}

var attempts = []attempt{
	{name: "read a file of the host's"},
	{name: "change a file of the host's"},
	{name: "link to a file of the host's"},
	{name: "change the input"},
	{name: "file handle of the host's", calls: []string{"open_by_handle_at", "path_open_by_handle"}},
	{name: "descriptors it was not given"},
	{name: "environment of the host's processes"},
	{name: "files that are none in the output", calls: []string{"mknod", "path_mknod", "path_chmod", "path_permissions_set"}, ends: true},
	{name: "set-user-ID program in the output", calls: []string{"chmod", "fchmod", "fd_permissions_set"}, ends: true},
	{name: "output without a bottom", calls: []string{"chdir", "fchdir"}, ends: true},
	{name: "deleted files in the output", calls: []string{"fd_fallocate", "fallocate"}, ends: true},
	{name: "large files that take nothing", calls: []string{"fallocate", "posix_fallocate"}, ends: true},
	{name: "pipes and descriptors without end", calls: []string{"pipe", "fd_pipe", "fd_event"}, ends: true},
	{name: "who the host is", calls: []string{"gethostname", "uname"}},
	{name: "shared memory of the host's", calls: []string{"shmget", "shm_open"}},

	{name: "loopback of the host", calls: []string{"sock_open", "socket"}},
	{name: "address of the host", calls: []string{"sock_connect", "connect"}},
	{name: "link-local metadata", calls: []string{"sock_send_to", "sendto"}},
	{name: "name servers", calls: []string{"sock_addr_resolve", "resolve", "getaddrinfo"}},
	{name: "raw sockets", calls: []string{"sock_open_raw"}},
	{name: "packet sockets", calls: []string{"sock_send_file"}},
	{name: "hypervisor socket", calls: []string{"sock_listen"}},
	{name: "network configuration", calls: []string{"port_addr_add", "port_bridge", "ioctl"}},
	{name: "abstract sockets of the host", calls: []string{"sock_bind", "sock_pair", "bind"}},
	{name: "namespaces of the host's processes", calls: []string{"setns", "pidfd_open"}},

	{name: "core dump program", calls: []string{"sysctl"}},
	{name: "kernel settings", calls: []string{"syscall"}},
	{name: "magic system request", calls: []string{"sysrq"}},
	{name: "kernel's memory", calls: []string{"mmap", "iopl"}},
	{name: "kernel's log", calls: []string{"syslog", "klogctl"}},
	{name: "release agent", calls: []string{"mount", "fs_mount"}},
	{name: "control groups", calls: []string{"setrlimit", "prlimit"}},
	{name: "kernel file systems", calls: []string{"fsopen", "move_mount"}},
	{name: "making device nodes", calls: []string{"mknod", "mknodat"}},
	{name: "devices that are there", calls: []string{"ioctl", "fd_ioctl"}},
	{name: "clock", calls: []string{"clock_time_set", "clock_settime", "settimeofday", "adjtimex"}},
	{name: "kernel modules", calls: []string{"init_module", "finit_module", "kexec_load"}},
	{name: "reboot", calls: []string{"reboot"}},
	{name: "swap", calls: []string{"swapon"}},
	{name: "process accounting", calls: []string{"acct"}},
	{name: "host name", calls: []string{"sethostname"}},
	{name: "keys", calls: []string{"add_key", "keyctl"}},
	{name: "input and output ports", calls: []string{"ioperm", "iopl"}},

	{name: "set-user-ID program", calls: []string{"setuid", "execve", "proc_exec"}, user: 1000},
	{name: "new namespaces", calls: []string{"unshare", "clone"}},
	{name: "mounts", calls: []string{"mount", "umount2"}},
	{name: "another root", calls: []string{"pivot_root"}},
	{name: "out of chroot", calls: []string{"chroot", "chdir"}},
	{name: "tracing the host's processes", calls: []string{"ptrace", "process_vm_readv"}},
	{name: "capabilities", calls: []string{"capset", "prctl"}},
	{name: "signals to everybody", calls: []string{"kill", "proc_signal", "proc_raise_interval"}},
	{name: "signals to the host's processes", calls: []string{"tgkill", "pidfd_send_signal"}},
	{name: "priorities of the host's processes", calls: []string{"setpriority", "sched_setaffinity"}},
	{name: "rarely tried parts of the kernel", calls: []string{"bpf", "io_uring_setup", "userfaultfd", "perf_event_open"}, run: heldDescriptors},
	{name: "dumping core by the host's program", calls: []string{"abort", "proc_abort"}, run: coreLimits},
}

// byExec follows an attempt's name when a program beside a job makes it.
const byExec = ", by exec"

// batch is how many attempts share a job in an ordinary run.
const batch = 13

// Hostile has hostile jobs try to get out of an engine, and counts those attempts of which
// nothing came. With RERIG_HOSTILE set each attempt is a job of its own, and the attacks on
// limits that Run makes count among them.
func Hostile(t *testing.T, target Target) {
	s := open(t, target)
	w := newWitness(t, s, false)
	tried, held := 0, 0
	count := func(name string, err error) {
		tried++
		if err == nil {
			held++
		}
		s.verdict(t, name, err)
	}
	for _, group := range s.groupsOf(attempts) {
		err := s.tryAll(w, t, group)
		if err == nil {
			tried += len(group)
			held += len(group)
			continue
		}
		for _, a := range group { // which of them it was
			count(a.name, s.tryAll(w, t, []attempt{a}))
		}
		if len(group) > 1 && held == tried {
			t.Error(err)
		}
	}
	for _, group := range s.besideGroups() {
		err := s.tryBeside(w, t, group)
		for _, a := range group {
			count(a.name+byExec, err)
		}
	}
	if long() {
		for _, c := range limitAttacks() {
			count(c.name, errors.Join(c.run(s, t), w.look("", "")))
		}
	}
	where, err := os.Getwd() // the engine's own package
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s: %d attempts, %d contained\n", filepath.Base(where), tried, held)
}

// limitAttacks are the checks of Run in which a job takes what it can.
func limitAttacks() []check {
	var list []check
	for _, group := range [][]check{limits, inside} {
		for _, c := range group {
			switch c.name {
			case "pause and resume", "deadline while paused", "dial", "exec":
			default:
				list = append(list, c)
			}
		}
	}
	return list
}

// groupsOf puts attempts into jobs: one each in a long run, and where there is more to see
// than a job's end.
func (s *suite) groupsOf(all []attempt) [][]attempt {
	var groups [][]attempt
	var open []attempt
	for _, a := range all {
		_, not := s.Not[a.name]
		if long() || not || a.run != nil || a.user != 0 || a.ends || s.WASM && a.calls != nil {
			groups = append(groups, []attempt{a})
			continue
		}
		if open = append(open, a); len(open) == batch {
			groups, open = append(groups, open), nil
		}
	}
	if open != nil {
		groups = append(groups, open)
	}
	return groups
}

// besideGroups are the attempts that a program beside a job makes too: whoever enters a
// sandbox must be held as who began in it.
func (s *suite) besideGroups() [][]attempt {
	var all []attempt
	for _, a := range attempts {
		if !s.WASM && !a.ends && a.run == nil && a.user == 0 {
			all = append(all, a)
		}
	}
	return slices.Collect(slices.Chunk(all, batch))
}

// tryBeside makes attempts by exec.
func (s *suite) tryBeside(w *witness, t testing.TB, group []attempt) error {
	aims, err := w.aims.text(group)
	if err != nil {
		return err
	}
	spec := s.job("sleep")
	spec.InDir, spec.OutDir = w.in, w.out(t)
	r, err := s.start(spec)
	if err != nil {
		return err
	}
	defer func() { r.Stop(); <-r.done }()
	said := newText()
	_, err = r.Exec(t.Context(), []string{"/guest", "try", aims}, nil, said, said)
	if err != nil || !strings.Contains("\n"+said.String(), "\ntried\n") {
		return fmt.Errorf("the hostile program did not come to its end: %w: %s", err, brief(said.String()))
	}
	return w.look(said.String(), spec.OutDir)
}

// tryAll has one job make attempts, and then looks what came of it.
func (s *suite) tryAll(w *witness, t testing.TB, group []attempt) error {
	first := group[0]
	switch {
	case s.WASM && first.calls != nil:
		return errors.Join(s.absent(first.calls...), w.look("", ""))
	case first.run != nil:
		return first.run(s, w, t)
	}
	aims, err := w.aims.text(group)
	if err != nil {
		return err
	}
	spec := s.job("try", aims)
	spec.UID, spec.GID = first.user, first.user
	spec.InDir, spec.OutDir = w.in, w.out(t)
	spec.StdoutBytes, spec.OutputFiles = 16<<20, 1000
	r, err := s.do(spec)
	if err != nil {
		return errors.Join(err, w.look("", spec.OutDir))
	}
	said := r.stdout.String() + r.stderr.String()
	if long() {
		t.Logf("%v:\n%s", group, said)
	}
	if !strings.Contains("\n"+said, "\ntried\n") && (r.result.Failure == nil || !first.ends) {
		return fmt.Errorf("the hostile job did not come to its end: %s", r.ending())
	}
	err = w.look(said, spec.OutDir)
	if r.result.Failure == nil || r.result.Failure.Kind != runner.FailureOutput {
		err = errors.Join(err, unfit(spec.OutDir))
	}
	return errors.Join(err, s.next())
}

// unfit finds what a rig must not take for a result, or serve to anybody.
func unfit(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("look at the output: %w", err)
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("look at the output: %w", err)
		}
		if m := info.Mode(); !m.IsDir() && !m.IsRegular() || m&(os.ModeSetuid|os.ModeSetgid) != 0 {
			return fmt.Errorf("the job ended well with the output %q, which is %s", d.Name(), m)
		}
		return nil
	})
}

//go:build linux && !nogvisor

package gvisor

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"

	"github.com/google/subcommands"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/runsc/cmd/util"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/container"
	"gvisor.dev/gvisor/runsc/flag"
	"gvisor.dev/gvisor/runsc/specutils"
)

// lineFD is the file descriptor of init's end of the line to the daemon.
const lineFD = 3

// report is what a sandbox's init tells the daemon.
type report struct {
	// Started tells that the job's program runs.
	Started bool `json:",omitempty"`
	// Exited tells that it has ended, with Status as wait(2) has it.
	Exited bool   `json:",omitempty"`
	Status uint32 `json:",omitempty"`
	// Error is why there is no sandbox, or why it broke.
	Error string `json:",omitempty"`
	// Program tells that Error is about the program: the sandbox itself had started.
	Program bool `json:",omitempty"`
}

// initCommand is the first process of a sandbox, number 1 of a PID namespace of its own. It
// waits for its job, lays out the root, starts gVisor's processes, and waits for the job's
// end. The kernel kills all others with it.
type initCommand struct{ util.InternalSubCommand }

// Name is the subcommand's.
func (*initCommand) Name() string { return "init" }

// Synopsis says what the subcommand is.
func (*initCommand) Synopsis() string { return "hold one job" }

// Usage shows the arguments: there are none.
func (*initCommand) Usage() string { return "init\n" }

// SetFlags adds none.
func (*initCommand) SetFlags(*flag.FlagSet) {}

// Execute holds one job until it has ended or the daemon has.
func (c *initCommand) Execute(_ context.Context, _ *flag.FlagSet, args ...any) subcommands.ExitStatus {
	conn, err := net.FileConn(os.NewFile(lineFD, "line"))
	if err != nil {
		util.Fatalf("find the daemon: %v", err)
	}
	line := conn.(*net.UnixConn)
	last := report{}
	if err := prepare(); err != nil {
		last.Error = err.Error()
	}
	o, files, err := receive(line)
	if err != nil {
		return subcommands.ExitFailure // the daemon has no use for this process
	}
	go func() { // lives as long as the process
		_, _ = line.Read(make([]byte, 1))
		os.Exit(1) // the daemon is gone
	}()
	if last.Error == "" {
		last = hold(o, files, args[0].(*config.Config), line)
	}
	if err := say(line, last); err != nil {
		return subcommands.ExitFailure
	}
	return subcommands.ExitSuccess
}

// hold runs the job and returns the last report.
func hold(o order, files [orderFiles]*os.File, conf *config.Config, line *net.UnixConn) report {
	conf.RootDir = fmt.Sprintf("/proc/self/fd/%d", files[orderState].Fd())
	if err := conf.Overlay2.Set(fmt.Sprintf("root:memory,size=%d", o.Scratch)); err != nil {
		return report{Error: err.Error()}
	}
	proxyCards(conf, o.NVIDIA)
	spec, err := specutils.ReadSpec(o.Dir, conf)
	if err == nil {
		err = stageRoot(spec.Annotations[annotationRoot], spec.Root.Path)
	}
	if err != nil {
		return report{Error: err.Error()}
	}
	// gVisor takes the job's standard files from these.
	os.Stdin, os.Stdout, os.Stderr = files[orderStdin], files[orderStdout], files[orderStderr]
	ct, err := container.New(conf, container.Args{ID: o.ID, Spec: spec, BundleDir: o.Dir, Attached: true})
	if err != nil {
		return report{Error: err.Error()}
	}
	if err := ct.Sandbox.StartRoot(conf, spec); err != nil {
		return report{Error: err.Error(), Program: true}
	}
	for _, f := range files[orderStdin:] {
		f.Close() // else the daemon would not see the last process close them
	}
	if err := say(line, report{Started: true}); err != nil {
		return report{Error: err.Error()}
	}
	status, err := ct.Sandbox.Wait(o.ID)
	if err != nil {
		return report{Error: fmt.Sprintf("wait for the job: %v", err)}
	}
	return report{Exited: true, Status: uint32(status)}
}

// say sends a report to the daemon.
func say(line *net.UnixConn, r report) error {
	r.Error = r.Error[:min(len(r.Error), maxMessage/8)] // JSON may make six bytes of one
	text, err := json.Marshal(r)
	if err == nil {
		_, err = line.Write(text)
	}
	return err
}

// prepare makes the namespaces that init was born into fit for gVisor.
func prepare() error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("keep mounts to the sandbox: %w", err)
	}
	// gVisor finds its own processes by the numbers that they have here.
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc for the sandbox: %w", err)
	}
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0); err != nil {
		return fmt.Errorf("put the sandbox before the miner's own processes when memory runs out: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("set up the sandbox's loopback: %w", err)
	}
	return nil
}

// raiseLoopback sets up "lo", the only interface of a new network namespace.
func raiseLoopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo)
}

//go:build linux && !nogvisor

package gvisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/google/subcommands"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/runsc/cmd/util"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/container"
	"gvisor.dev/gvisor/runsc/flag"
	"gvisor.dev/gvisor/runsc/specutils"
)

// File descriptors that the daemon gives to a sandbox's init, beside its own standard ones.
const (
	fdReport = 3 + iota // init writes its reports here
	fdLife              // the daemon holds the other end, and never writes
	fdState             // the directory of gVisor's state; it carries the job's lock
	fdStdin             // the job's own
	fdStdout
	fdStderr
)

// report is what a sandbox's init tells the daemon, as one line of JSON each.
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
// lays out the root, starts gVisor's processes, and waits for the job's end. The
// kernel kills all others with it.
type initCommand struct {
	util.InternalSubCommand
	spec *specs.Spec
}

// Name is the subcommand's.
func (*initCommand) Name() string { return "init" }

// Synopsis says what the subcommand is.
func (*initCommand) Synopsis() string { return "hold one job" }

// Usage shows the arguments.
func (*initCommand) Usage() string { return "init <id> <bundle directory>\n" }

// SetFlags adds none.
func (*initCommand) SetFlags(*flag.FlagSet) {}

// FetchSpec reads the job's OCI spec.
func (c *initCommand) FetchSpec(conf *config.Config, f *flag.FlagSet) (string, *specs.Spec, error) {
	if f.NArg() != 2 {
		return "", nil, errors.New("init needs an ID and a bundle directory")
	}
	var err error
	c.spec, err = specutils.ReadSpec(f.Arg(1), conf)
	return f.Arg(0), c.spec, err
}

// Execute holds the job until it has ended or the daemon has.
func (c *initCommand) Execute(_ context.Context, f *flag.FlagSet, args ...any) subcommands.ExitStatus {
	go func() { // lives as long as the process
		_, _ = os.NewFile(fdLife, "life").Read(make([]byte, 1))
		os.Exit(1) // the daemon is gone
	}()
	last := c.hold(f.Arg(0), f.Arg(1), args[0].(*config.Config))
	if err := say(last); err != nil {
		return subcommands.ExitFailure
	}
	return subcommands.ExitSuccess
}

// hold runs the job and returns the last report.
func (c *initCommand) hold(id, bundle string, conf *config.Config) report {
	if err := prepare(c.spec); err != nil {
		return report{Error: err.Error()}
	}
	// gVisor takes the job's standard files from these.
	os.Stdin = os.NewFile(fdStdin, "stdin")
	os.Stdout = os.NewFile(fdStdout, "stdout")
	os.Stderr = os.NewFile(fdStderr, "stderr")
	ct, err := container.New(conf, container.Args{ID: id, Spec: c.spec, BundleDir: bundle, Attached: true})
	if err != nil {
		return report{Error: err.Error()}
	}
	if err := ct.Sandbox.StartRoot(conf, c.spec); err != nil {
		return report{Error: err.Error(), Program: true}
	}
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		f.Close() // else the daemon would not see the last process close them
	}
	if err := say(report{Started: true}); err != nil {
		return report{Error: err.Error()}
	}
	status, err := ct.Sandbox.Wait(id)
	if err != nil {
		return report{Error: fmt.Sprintf("wait for the job: %v", err)}
	}
	return report{Exited: true, Status: uint32(status)}
}

var reports = json.NewEncoder(os.NewFile(fdReport, "report"))

func say(r report) error { return reports.Encode(r) }

// prepare makes the namespaces that init was born into fit for gVisor.
func prepare(spec *specs.Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("keep mounts to the sandbox: %w", err)
	}
	// gVisor finds its own processes by the numbers that they have here.
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc for the sandbox: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("set up the sandbox's loopback: %w", err)
	}
	return stageRoot(spec.Annotations[annotationRoot], spec.Root.Path)
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

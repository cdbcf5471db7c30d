//go:build linux

package main

import (
	"context"
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

	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
	"github.com/rerig/rerig/node/runner/gvisor/internal/quota"
)

// initCommand is the first process of a sandbox, number 1 of a PID namespace of its own. It
// waits for its job, lays out the root, starts gVisor's processes, and waits for the job's
// end. The kernel kills all others with it.
type initCommand struct{ util.InternalSubCommand }

// Name is the subcommand's.
func (*initCommand) Name() string { return line.Command }

// Synopsis says what the subcommand is.
func (*initCommand) Synopsis() string { return "hold one job" }

// Usage shows the arguments: there are none.
func (*initCommand) Usage() string { return line.Command + "\n" }

// SetFlags adds none.
func (*initCommand) SetFlags(*flag.FlagSet) {}

// Execute holds one job until it has ended or the daemon has.
func (c *initCommand) Execute(_ context.Context, _ *flag.FlagSet, args ...any) subcommands.ExitStatus {
	conn, err := net.FileConn(os.NewFile(line.FD, "line"))
	if err != nil {
		util.Fatalf("find the daemon: %v", err)
	}
	daemon := conn.(*net.UnixConn)
	last := line.Report{}
	if err := prepare(); err != nil {
		last.Error = err.Error()
	}
	o, files, err := line.Receive(daemon)
	if err != nil {
		return subcommands.ExitFailure // the daemon has no use for this process
	}
	go func() { // lives as long as the process
		_, _ = daemon.Read(make([]byte, 1))
		os.Exit(1) // the daemon is gone
	}()
	if last.Error == "" {
		last = hold(o, files, args[0].(*config.Config), daemon)
	}
	if err := last.Send(daemon); err != nil {
		return subcommands.ExitFailure
	}
	return subcommands.ExitSuccess
}

// hold runs the job and returns the last report.
func hold(o line.Order, files [line.Files]*os.File, conf *config.Config, daemon *net.UnixConn) line.Report {
	conf.RootDir = fmt.Sprintf("/proc/self/fd/%d", files[line.State].Fd())
	if err := conf.Overlay2.Set(fmt.Sprintf("root:memory,size=%d", o.Scratch)); err != nil {
		return line.Report{Error: err.Error()}
	}
	proxyCards(conf, o.NVIDIA)
	if o.Network {
		drained(conf)
	}
	spec, err := specutils.ReadSpec(o.Dir, conf)
	if err != nil {
		return line.Report{Error: err.Error()}
	}
	if o.NVIDIA != "" {
		if err := checkCards(o.NVIDIA, spec.Linux.Devices); err != nil {
			return line.Report{Error: err.Error(), Cards: true}
		}
	}
	if err := stageRoot(spec.Annotations[line.AnnotationRoot], spec.Root.Path); err != nil {
		return line.Report{Error: err.Error()}
	}
	held, err := holdOutput(o, daemon)
	if err != nil {
		return line.Report{Error: err.Error()}
	}
	// gVisor takes the job's standard files from these.
	os.Stdin, os.Stdout, os.Stderr = files[line.Stdin], files[line.Stdout], files[line.Stderr]
	ct, err := container.New(conf, container.Args{ID: o.ID, Spec: spec, BundleDir: o.Dir, Attached: true})
	if err != nil {
		return line.Report{Error: err.Error()}
	}
	if err := ct.Sandbox.StartRoot(conf, spec); err != nil {
		return line.Report{Error: err.Error(), Program: true}
	}
	for _, f := range files[line.Stdin:] {
		f.Close() // else the daemon would not see the last process close them
	}
	if err := (line.Report{Started: true, Held: held}).Send(daemon); err != nil {
		return line.Report{Error: err.Error()}
	}
	status, err := ct.Sandbox.Wait(o.ID)
	if err != nil {
		return line.Report{Error: fmt.Sprintf("wait for the job: %v", err)}
	}
	return line.Report{Exited: true, Status: uint32(status)}
}

// holdOutput holds the output directory to what the job may write, where this process may
// mount that; otherwise the daemon looks at the directory.
func holdOutput(o line.Order, daemon *net.UnixConn) (held bool, err error) {
	if o.Out == "" {
		return false, nil
	}
	if err := unix.Access("/dev/fuse", unix.R_OK|unix.W_OK); err != nil {
		return false, nil //nolint:nilerr // it says that there is none for this user
	}
	_, err = quota.Mount(o.Out, o.OutBytes, o.OutFiles, func(files bool) {
		full := line.FullBytes
		if files {
			full = line.FullFiles
		}
		_ = line.Report{Full: full}.Send(daemon) // fails when the daemon is gone, and so is the job
	})
	return err == nil, err
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
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte(line.OOMScore), 0); err != nil {
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

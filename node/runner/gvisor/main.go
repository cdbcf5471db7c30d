//go:build linux && !nogvisor

package gvisor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/subcommands"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/runsc/cli"
	"gvisor.dev/gvisor/runsc/cmd"
	"gvisor.dev/gvisor/runsc/cmd/sentry/sentrycmd"
	"gvisor.dev/gvisor/runsc/cmd/util"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/flag"
	"gvisor.dev/gvisor/runsc/specutils"
)

// initName is argv[0] of a sandbox's init. gVisor names its own processes runsc-….
const initName = "runsc-init"

// hostName is the machine's name as jobs see it.
const hostName = "rig"

// Annotations of a job's OCI spec that this package's own processes read.
const (
	annotationRoot   = "org.rerig.root"   // the host directory with the container's files
	annotationCPUs   = "org.rerig.cpus"   // how many the job sees
	annotationMemory = "org.rerig.memory" // bytes that the job sees
)

// Main runs gVisor, and does not return, in a process that was started as a part of a
// sandbox, or the probe's job inside one; in every other it returns false at once. It must come before anything else in
// main: a sandbox's process may not have threads, files or settings of the daemon's.
func Main() bool {
	if action := os.Getenv(probeEnv); action != "" {
		os.Exit(guest(action))
	}
	if !isSandbox(os.Args) {
		return false
	}
	cli.Run(nil, map[util.SubCommand]string{
		new(initCommand):      "",
		new(bootCommand):      "",
		new(goferCommand):     "",
		new(sentrycmd.Umount): "",
	}, nil)
	return true // not reached: cli.Run ends the process
}

// isSandbox tells by its arguments whether gVisor or this package started a process.
func isSandbox(args []string) bool {
	if len(args) < 2 {
		return false
	}
	if strings.HasPrefix(filepath.Base(args[0]), "runsc-") {
		return true
	}
	// gVisor's helper that takes /proc away is started under this name. So may others be.
	return args[0] == specutils.ExePath && slices.Contains(args, "--sync-fd=3")
}

// bootCommand is gVisor's own "boot", told what a job may see of the machine. gVisor reads
// that from control groups that it makes itself; ours are made by the daemon.
type bootCommand struct{ sentrycmd.Boot }

// Execute runs gVisor's kernel until the job's last process has ended.
func (b *bootCommand) Execute(ctx context.Context, f *flag.FlagSet, args ...any) subcommands.ExitStatus {
	spec, err := donatedSpec(f, args[0].(*config.Config))
	if err != nil {
		util.Fatalf("read what the job may see: %v", err)
	}
	for name, value := range map[string]string{
		"cpu-num":           spec.Annotations[annotationCPUs],
		"total-memory":      spec.Annotations[annotationMemory],
		"total-host-memory": spec.Annotations[annotationMemory],
		"product-name":      hostName, // else the machine's
	} {
		if err := f.Set(name, value); err != nil {
			util.Fatalf("set %s: %v", name, err)
		}
	}
	return b.Boot.Execute(ctx, f, args...)
}

// goferCommand is gVisor's own "gofer", which opens and changes a job's files for the kernel,
// kept from taking disk for what nobody has written: fallocate(2) takes all of a disk at
// once, and no look from outside comes in time.
type goferCommand struct{ cmd.Gofer }

// Execute serves the job's files until the job has ended.
func (g *goferCommand) Execute(ctx context.Context, f *flag.FlagSet, args ...any) subcommands.ExitStatus {
	if err := refuse(unix.SYS_FALLOCATE, unix.EOPNOTSUPP); err != nil {
		util.Fatalf("refuse fallocate: %v", err)
	}
	return g.Gofer.Execute(ctx, f, args...)
}

// donatedSpec reads the spec from the file that a process of gVisor's was given, and leaves it
// to be read again.
func donatedSpec(f *flag.FlagSet, conf *config.Config) (*specs.Spec, error) {
	n, err := strconv.Atoi(f.Lookup("spec-fd").Value.String())
	if err != nil {
		return nil, err
	}
	if n, err = unix.FcntlInt(uintptr(n), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(n), "spec")
	defer file.Close()
	return specutils.ReadSpecFromFile(f.Lookup("bundle").Value.String(), file, conf)
}

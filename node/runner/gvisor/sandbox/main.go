//go:build linux

// Command rerig-gvisor is every process of a container under gVisor: the sandbox's init,
// which starts this program again as gVisor's kernel and as the gofer that opens the job's
// files. rerig embeds it and starts it from memory. It is a program of its own because each
// of these processes would otherwise set up all of rerig's packages first, and read its
// pages.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/subcommands"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/gomaxprocs"
	"gvisor.dev/gvisor/runsc/cli"
	"gvisor.dev/gvisor/runsc/cmd"
	"gvisor.dev/gvisor/runsc/cmd/sentry/sentrycmd"
	"gvisor.dev/gvisor/runsc/cmd/util"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/flag"
	"gvisor.dev/gvisor/runsc/specutils"

	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
)

func main() {
	// gVisor starts its helper that takes /proc away under the second name.
	if name := filepath.Base(os.Args[0]); !strings.HasPrefix(name, "runsc-") && os.Args[0] != specutils.ExePath {
		fmt.Fprintln(os.Stderr, "rerig-gvisor is started by rerig, not by hand")
		os.Exit(2)
	}
	cli.Run(nil, map[util.SubCommand]string{
		new(initCommand):      "",
		new(bootCommand):      "",
		new(goferCommand):     "",
		new(sentrycmd.Umount): "",
	}, nil)
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
		"cpu-num":           spec.Annotations[line.AnnotationCPUs],
		"total-memory":      spec.Annotations[line.AnnotationMemory],
		"total-host-memory": spec.Annotations[line.AnnotationMemory],
		"product-name":      line.HostName, // else the machine's
	} {
		if err := f.Set(name, value); err != nil {
			util.Fatalf("set %s: %v", name, err)
		}
	}
	if text, ok := spec.Annotations[line.AnnotationSpare]; ok {
		spare, err := strconv.Atoi(text)
		if err != nil {
			util.Fatalf("read the spare cores: %v", err)
		}
		gomaxprocs.Add(spare) // to what cpu-num sets
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

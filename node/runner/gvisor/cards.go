//go:build linux

package gvisor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rerig/rerig/node/runner"
)

// checkCards refuses what gVisor cannot pass on: cards of other makers than NVIDIA. The
// sandbox itself refuses versions of the driver that it does not know to the letter.
func checkCards(d *runner.Devices, rootless bool) error {
	switch {
	case d.None():
		return nil
	case d.NVIDIA == "":
		return fmt.Errorf("%w: gVisor passes on NVIDIA's cards only; hold containers by namespaces for others", runner.ErrNoCards)
	case rootless:
		return fmt.Errorf("%w: gVisor passes cards on as root only; run the rig as root", runner.ErrNoCards)
	}
	return nil
}

// passedOn are the device files that gVisor's proxy of the driver serves; the one for
// profilers it does not.
func passedOn(d *runner.Devices) []runner.DeviceNode {
	return slices.DeleteFunc(slices.Clone(d.Nodes), func(n runner.DeviceNode) bool { return n.Inside == "/dev/nvidia-uvm-tools" })
}

// addCards adds a job's cards to its OCI spec.
func addCards(spec *specs.Spec, d *runner.Devices) {
	for _, n := range passedOn(d) {
		spec.Linux.Devices = append(spec.Linux.Devices, specs.LinuxDevice{Path: n.Inside, Type: "c", Major: int64(n.Major), Minor: int64(n.Minor)})
	}
	for _, f := range d.Files {
		spec.Mounts = append(spec.Mounts, specs.Mount{Destination: f.Inside, Type: "bind", Source: f.Host,
			Options: []string{"bind", "ro", "nosuid", "nodev"}})
	}
}

// ProbeCards runs a job that lists and opens every device file and driver's file that it
// has. Opening goes through gVisor to the host's driver.
//
// Unproven: no test has met a card.
func (e *Engine) ProbeCards(ctx context.Context, d runner.Devices) error {
	s, err := e.probeSpec(probeCards)
	if err != nil {
		return err
	}
	s.Devices, s.MemoryBytes = d, 4*probeMemory
	var out bytes.Buffer
	j, err := e.Start(ctx, s, &out, &out)
	if err != nil {
		return err
	}
	res, err := j.Wait()
	switch {
	case err != nil:
		return err
	case res.Failure != nil || res.ExitCode != 0:
		return fmt.Errorf("a job with cards ended with exit code %d, %v, and said %q", res.ExitCode, res.Failure, out.String())
	}
	d.Nodes = passedOn(&d)
	return d.Listed(out.String())
}

// listCards is the probe's guest.
func listCards() error {
	return runner.ListDevices(os.Stdout, "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
		"/dev/console", "/dev/ptmx", "/dev/pts", "/dev/shm", "/dev/fuse", "/dev/net")
}

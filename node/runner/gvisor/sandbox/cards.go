//go:build linux

package main

import (
	"errors"
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/devices/nvproxy"
	"gvisor.dev/gvisor/pkg/sentry/devices/nvproxy/nvconf"
	"gvisor.dev/gvisor/runsc/config"
)

// cardUses is what a job may do with NVIDIA's driver: compute, and watch the card.
const cardUses = "compute,utility"

// checkCards refuses versions of NVIDIA's driver whose calls gVisor does not know to the
// letter, and device files that are not what they were.
func checkCards(driver string, devices []specs.LinuxDevice) error {
	version, err := nvconf.DriverVersionFrom(driver)
	if err != nil {
		return fmt.Errorf("the driver's version: %w", err)
	}
	nvproxy.Init()
	if !slices.ContainsFunc(nvproxy.SupportedDrivers(), version.Equals) {
		return fmt.Errorf("gVisor does not know NVIDIA's driver %s; `rerig hardware` names the nearest that it does", driver)
	}
	for _, d := range devices {
		if err := present(&d); err != nil {
			return fmt.Errorf("device file %s: %w", d.Path, err)
		}
	}
	return nil
}

// present checks that a device file is the one that it was. gVisor finds it by the path that
// it has inside.
func present(d *specs.LinuxDevice) error {
	var st unix.Stat_t
	if err := unix.Lstat(d.Path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(uint32(d.Major), uint32(d.Minor)) {
		return errors.New("it is another device than it was; start the rig again")
	}
	return nil
}

// proxyCards turns gVisor's proxy of NVIDIA's driver on for one job, for exactly one version.
func proxyCards(conf *config.Config, driver string) {
	if driver != "" {
		conf.NVProxy, conf.NVProxyDriverVersion, conf.NVProxyAllowedDriverCapabilities = true, driver, cardUses
	}
}

//go:build linux

package hardware_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	oci "github.com/opencontainers/runtime-spec/specs-go"
	"tags.cncf.io/container-device-interface/pkg/cdi"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/hardware/rigtest"
)

// equip lays a machine's device files and libraries.
func equip(t *testing.T, m *rigtest.Machine, root string) {
	t.Helper()
	if err := m.Files(root); errors.Is(err, os.ErrPermission) {
		t.Skip("needs device files: run as root")
	} else if err != nil {
		t.Fatal(err)
	}
}

func insides(e hardware.Edits) (out []string) {
	for _, n := range e.Nodes {
		out = append(out, n.Inside)
	}
	for _, m := range e.Mounts {
		out = append(out, strings.TrimPrefix(m.Inside, "/.driver/"))
	}
	return out
}

// TestEdits holds what a sandbox is given for cards, and nothing more.
func TestEdits(t *testing.T) {
	t.Parallel()
	root, v := rig(t, rigtest.Mixed())
	src := hardware.Below(root)
	if _, err := src.Edits(v.Cards); err == nil || !strings.Contains(err.Error(), "nvidia-modprobe") {
		t.Errorf("without device files: %v", err)
	}
	bare := rigtest.Mixed()
	bare.NVIDIADriver = ""
	equip(t, bare, root)
	if _, err := src.Edits(v.Cards); err == nil || !strings.Contains(err.Error(), "libcuda.so.550.90.12") {
		t.Errorf("without libraries: %v", err)
	}
	equip(t, rigtest.Mixed(), root)
	e, err := src.Edits(v.Cards[1:])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia1", "lib64/libcuda.so", "lib64/libcuda.so.1", "lib64/libcuda.so.550.90.12",
		"lib64/libnvidia-gpucomp.so.1", "lib64/libnvidia-gpucomp.so.550.90.12", "lib64/libnvidia-ml.so.1", "lib64/libnvidia-ml.so.550.90.12",
		"lib64/libnvidia-ptxjitcompiler.so.1", "lib64/libnvidia-ptxjitcompiler.so.550.90.12", "bin/nvidia-smi"}
	if got := insides(e); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for _, m := range e.Mounts {
		if st, err := os.Lstat(m.Host); err != nil || !st.Mode().IsRegular() {
			t.Errorf("%s is mounted from %s: %v", m.Inside, m.Host, err)
		}
	}
	if e.Nodes[3].Major != 1 || e.Nodes[3].Minor != 3 {
		t.Errorf("node %+v", e.Nodes[3])
	}
	// Something else in a device file's place is never passed on.
	if err := errors.Join(os.Remove(filepath.Join(root, "dev/nvidia1")), os.Symlink("nvidia0", filepath.Join(root, "dev/nvidia1"))); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Edits(v.Cards[1:]); err == nil || !strings.Contains(err.Error(), "/dev/nvidia1") {
		t.Errorf("a link for a device: %v", err)
	}
}

// TestEditsOfOtherVendors holds the render nodes, and /dev/kfd for AMD.
func TestEditsOfOtherVendors(t *testing.T) {
	t.Parallel()
	root, v := rig(t, rigtest.RX580())
	equip(t, rigtest.RX580(), root)
	e, err := hardware.Below(root).Edits(v.Cards)
	if got := insides(e); err != nil || !slices.Equal(got, []string{"/dev/kfd", "/dev/dri/renderD128", "/dev/dri/renderD129"}) {
		t.Errorf("AMD: %q, %v", got, err)
	}
	if e.Sys[1].Inside != "/sys/bus/pci/devices/0000:04:00.0" || e.Links[1] != (hardware.SysLink{Inside: "/sys/dev/char/1:3", Target: "../../bus/pci/devices/0000:04:00.0/drm/renderD129"}) {
		t.Errorf("AMD in sysfs: %+v %+v", e.Sys, e.Links)
	}
	// As the kernel has it, the list of PCI devices is one of links.
	devices := filepath.Join(root, "sys/devices/pci0000:00/0000:00:01.0")
	list := filepath.Join(root, "sys/bus/pci/devices/0000:03:00.0")
	if err := errors.Join(os.MkdirAll(devices, 0o755), os.Rename(list, filepath.Join(devices, "0000:03:00.0")),
		os.Symlink("../../../devices/pci0000:00/0000:00:01.0/0000:03:00.0", list), os.MkdirAll(filepath.Join(root, "sys/devices/virtual/kfd/kfd"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if e, err = hardware.Below(root).Edits(v.Cards[:1]); err != nil {
		t.Fatal(err)
	}
	const at = "devices/pci0000:00/0000:00:01.0/0000:03:00.0"
	if want := []hardware.SysLink{{Inside: "/sys/class/kfd/kfd", Target: "../../devices/virtual/kfd/kfd"}, {Inside: "/sys/dev/char/1:3", Target: "../../" + at + "/drm/renderD128"},
		{Inside: "/sys/bus/pci/devices/0000:03:00.0", Target: "../../../" + at}}; !slices.Equal(e.Links, want) || e.Sys[1].Inside != "/sys/"+at {
		t.Errorf("AMD in the kernel's sysfs: %+v %+v", e.Sys, e.Links)
	}
	root, v = rig(t, rigtest.Arc())
	equip(t, rigtest.Arc(), root)
	e, err = hardware.Below(root).Edits(v.Cards[1:])
	if got := insides(e); err != nil || !slices.Equal(got, []string{"/dev/dri/renderD129"}) {
		t.Errorf("Intel: %q, %v", got, err)
	}
	if root, v = rig(t, rigtest.Bare()); len(v.Cards) > 0 {
		if _, err := hardware.Below(root).Edits(v.Cards[3:]); err == nil {
			t.Error("a card without a driver was given to a sandbox")
		}
	}
}

// TestCDISpecs has the library that engines use read our specs and inject cards.
func TestCDISpecs(t *testing.T) {
	t.Parallel()
	m := rigtest.Mixed()
	amd := rigtest.RX580().Cards[0]
	amd.Address = "0000:0a:00.0"
	m.Cards = append(m.Cards, amd)
	root, v := rig(t, m)
	equip(t, m, root)
	src, dir := hardware.Below(root), filepath.Join(t.TempDir(), "cdi")
	specs, err := src.CDI(v.Cards)
	if err != nil {
		t.Fatal(err)
	}
	if err := hardware.WriteCDI(dir, specs); err != nil {
		t.Fatal(err)
	}
	cache, err := cdi.NewCache(cdi.WithSpecDirs(dir), cdi.WithAutoRefresh(false))
	if err != nil {
		t.Fatal(err)
	}
	if errs := cache.GetErrors(); len(errs) != 0 {
		t.Fatalf("refused: %v", errs)
	}
	if got := cache.ListDevices(); len(got) != 3 {
		t.Fatalf("devices %q", got)
	}
	for _, s := range specs {
		if least, err := cdi.MinimumRequiredVersion(&s); err != nil || s.Version < least {
			t.Errorf("%s says version %s and needs %s (%v)", s.Kind, s.Version, least, err)
		}
	}
	var container oci.Spec
	missing, err := cache.InjectDevices(&container, hardware.CDIName(&v.Cards[0]), hardware.CDIName(&v.Cards[1]))
	if err != nil || len(missing) != 0 {
		t.Fatalf("inject: %v, missing %q", err, missing)
	}
	if n := len(container.Linux.Devices); n != 5 {
		t.Errorf("%d devices in the container: %+v", n, container.Linux.Devices)
	}
	seen := map[string]bool{}
	for _, m := range container.Mounts {
		if seen[m.Destination] || !slices.Contains(m.Options, "ro") {
			t.Errorf("mount %+v", m)
		}
		seen[m.Destination] = true
	}
	for _, d := range container.Linux.Devices {
		if strings.Contains(d.Path, "dri") || strings.Contains(d.Path, "kfd") {
			t.Errorf("another vendor's device: %+v", d)
		}
	}
	// The AMD card is taken out: its spec goes, the other stays whole.
	if specs, err = src.CDI(v.Cards[:2]); err != nil {
		t.Fatal(err)
	}
	if err := hardware.WriteCDI(dir, specs); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "rerig-nvidia-card.json" {
		t.Errorf("left %v, %v", left, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "rerig-nvidia-card.json"))
	if err != nil || !json.Valid(b) {
		t.Errorf("spec: %v", err)
	}
}

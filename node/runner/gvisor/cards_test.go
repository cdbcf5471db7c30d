//go:build linux

package gvisor

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rerig/rerig/node/runner"
)

// nvidia is a card of a driver that gVisor knows.
func nvidia(t *testing.T) runner.Devices {
	t.Helper()
	lib := filepath.Join(t.TempDir(), "libcuda.so.550.90.12")
	if err := os.WriteFile(lib, []byte("driver"), 0o644); err != nil {
		t.Fatal(err)
	}
	return runner.Devices{NVIDIA: "550.90.12",
		Nodes: []runner.DeviceNode{{Host: "/dev/nvidiactl", Inside: "/dev/nvidiactl", Major: 195, Minor: 255},
			{Host: "/dev/nvidia-uvm", Inside: "/dev/nvidia-uvm", Major: 511, Minor: 0},
			{Host: "/dev/nvidia-uvm-tools", Inside: "/dev/nvidia-uvm-tools", Major: 511, Minor: 1},
			{Host: "/dev/nvidia1", Inside: "/dev/nvidia1", Major: 195, Minor: 1}},
		Files: []runner.DriverFile{{Host: lib, Inside: runner.DriverDir + "/lib64/libcuda.so.1"}}}
}

// TestCardsInSpec holds what gVisor is told of a job's cards, and that a job without any has
// none and no proxy of a driver.
func TestCardsInSpec(t *testing.T) {
	d := nvidia(t)
	s := runner.Spec{Root: guestRoot, Args: []string{"/guest"}, Devices: d}
	text, err := json.Marshal(ociSpec(t.TempDir(), &s, 0))
	if err != nil {
		t.Fatal(err)
	}
	var got specs.Spec
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, dev := range got.Linux.Devices {
		paths = append(paths, dev.Path)
	}
	if want := "/dev/nvidiactl /dev/nvidia-uvm /dev/nvidia1"; strings.Join(paths, " ") != want {
		t.Errorf("devices %v, want %s", paths, want)
	}
	found := false
	for _, m := range got.Mounts {
		if m.Source == d.Files[0].Host {
			found = m.Destination == d.Files[0].Inside && strings.Contains(strings.Join(m.Options, ","), "bind,ro")
		}
	}
	if !found {
		t.Errorf("the driver's file is not mounted read-only: %+v", got.Mounts)
	}
	if alone := ociSpec(t.TempDir(), &runner.Spec{Root: guestRoot}, 0); len(alone.Linux.Devices) > 0 {
		t.Errorf("a job without cards has %+v", alone.Linux.Devices)
	}
}

// TestCardsRefused refuses by name what gVisor cannot pass on.
func TestCardsRefused(t *testing.T) {
	e := open(t)
	amd := runner.Devices{Nodes: []runner.DeviceNode{{Host: "/dev/kfd", Inside: "/dev/kfd", Major: 511}}}
	unknown, odd := nvidia(t), nvidia(t)
	unknown.NVIDIA, odd.NVIDIA = "550.90.13", "new"
	for want, d := range map[string]runner.Devices{"NVIDIA's cards only": amd, "does not know NVIDIA's driver 550.90.13": unknown, "the driver's version": odd} {
		_, err := e.Start(t.Context(), runner.Spec{Root: guestRoot, Args: []string{"/guest"}, Devices: d, MemoryBytes: 1 << 30, Deadline: 1 << 40}, io.Discard, io.Discard)
		if !errors.Is(err, runner.ErrNoCards) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestCardsWithoutDriver proves no card whose device files are not there, or are others.
func TestCardsWithoutDriver(t *testing.T) {
	e := open(t)
	d := nvidia(t)
	d.Nodes = []runner.DeviceNode{{Host: "/dev/nvidia77", Inside: "/dev/nvidia77", Major: 195, Minor: 77}}
	if err := e.ProbeCards(t.Context(), d); !errors.Is(err, runner.ErrNoCards) || !strings.Contains(err.Error(), "/dev/nvidia77: no such") {
		t.Errorf("it says %v", err)
	}
	d.Nodes[0].Inside = "/dev/null" // which is not 195:77
	if err := e.ProbeCards(t.Context(), d); !errors.Is(err, runner.ErrNoCards) || !strings.Contains(err.Error(), "another device") {
		t.Errorf("it says %v", err)
	}
}

// TestDriverFiles shows a job the driver's files under the proxy of the driver, whose
// registration needs no driver, and a device that is passed on: a harmless one, in a card's
// place.
func TestDriverFiles(t *testing.T) {
	e := open(t)
	d := nvidia(t)
	d.Nodes = nil
	if err := e.ProbeCards(t.Context(), d); err != nil {
		t.Error(err)
	}
	d.Files = nil
	d.Nodes = []runner.DeviceNode{{Host: "/dev/null", Inside: "/dev/null", Major: 1, Minor: 3}}
	if err := e.ProbeCards(t.Context(), d); err == nil || !strings.Contains(err.Error(), "open /dev/null") {
		t.Errorf("the probe does not miss a device that is not listed: %v", err)
	}
}

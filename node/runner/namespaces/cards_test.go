//go:build linux

package namespaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

// card is a stand-in for a card: harmless devices and a driver's file in a directory.
func card(t *testing.T) runner.Devices {
	t.Helper()
	dir := t.TempDir()
	for p := dir; p != os.TempDir(); p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var d runner.Devices
	for inside, minor := range map[string]uint32{"/dev/nvidiactl": 3, "/dev/dri/renderD128": 5} {
		host := filepath.Join(dir, filepath.Base(inside))
		if err := unix.Mknod(host, unix.S_IFCHR|0o600, int(unix.Mkdev(1, minor))); err != nil {
			t.Skipf("needs device files: run as root (%v)", err)
		}
		d.Nodes = append(d.Nodes, runner.DeviceNode{Host: host, Inside: inside, Major: 1, Minor: minor})
	}
	lib := filepath.Join(dir, "libcuda.so.1")
	if err := os.WriteFile(lib, []byte("driver"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.Files = []runner.DriverFile{{Host: lib, Inside: runner.DriverDir + "/lib64/libcuda.so.1"}}
	return d
}

// TestCards gives a job the device files and the driver of its card, which are the host's
// root's alone there, and another job nothing of them.
func TestCards(t *testing.T) {
	e := serve(t)
	d := card(t)
	for _, d := range []runner.Devices{d, {}} {
		if err := e.ProbeCards(t.Context(), d); err != nil {
			t.Error(err)
		}
	}
	absent := d
	absent.Nodes = append(slices.Clone(d.Nodes), runner.DeviceNode{Host: "/dev/x", Inside: "/dev/x", Major: 4095, Minor: 7})
	if err := e.ProbeCards(t.Context(), absent); err == nil || !strings.Contains(err.Error(), "/dev/x") {
		t.Errorf("a device that nobody drives: %v", err)
	}
	s := job("cat", runner.DriverDir+"/lib64/libcuda.so.1")
	s.Devices, s.UID, s.GID = d, 1000, 1000
	if r, out := do(t, e, s); out != "driver" {
		t.Errorf("it read %q, %+v", out, r)
	}
	s.Args = []string{"/guest", "cat", "/dev/nvidiactl"} // /dev/null: empty
	if r, out := do(t, e, s); out != "" || r.ExitCode != 0 {
		t.Errorf("it read %q, %+v", out, r)
	}
	s.Devices = runner.Devices{}
	for _, path := range []string{"/dev/nvidiactl", "/dev/dri/renderD128", d.Nodes[0].Host, runner.DriverDir} {
		s.Args = []string{"/guest", "cat", path}
		if r, out := do(t, e, s); r.ExitCode == 0 {
			t.Errorf("a job without cards reads %s: %q", path, out)
		}
	}
}

// TestCardsInSys shows a job what the kernel tells of its card, where its driver's libraries
// look it up, and nothing else of /sys.
func TestCardsInSys(t *testing.T) {
	e := serve(t)
	d := card(t)
	dir := filepath.Dir(d.Nodes[0].Host)
	vendor := filepath.Join(dir, "0000:03:00.0", "vendor")
	if err := errors.Join(os.MkdirAll(filepath.Join(filepath.Dir(vendor), "drm/renderD128"), 0o755), os.WriteFile(vendor, []byte("0x1002"), 0o666),
		os.Symlink("../../../0000:03:00.0", filepath.Join(filepath.Dir(vendor), "drm/renderD128/device"))); err != nil {
		t.Fatal(err)
	}
	d.Sys = []runner.DriverFile{{Host: filepath.Dir(vendor), Inside: "/sys/devices/pci0000:00/0000:03:00.0"}}
	d.SysLinks = []runner.SysLink{{Inside: "/sys/dev/char/1:5", Target: "../../devices/pci0000:00/0000:03:00.0/drm/renderD128"}}
	if err := e.ProbeCards(t.Context(), d); err != nil {
		t.Error(err)
	}
	s := job("cat", "/sys/dev/char/1:5/device/vendor")
	s.Devices, s.UID = d, 1000
	if r, out := do(t, e, s); out != "0x1002" {
		t.Errorf("it read %q, %+v", out, r)
	}
	s.Devices = card(t)
	if r, out := do(t, e, s); r.ExitCode == 0 {
		t.Errorf("a job without the directory reads %q", out)
	}
}

// TestManyCards passes on as much as a job may have.
func TestManyCards(t *testing.T) {
	e := serve(t)
	d := card(t)
	for i := len(d.Nodes); i < runner.MaxDeviceNodes; i++ {
		d.Nodes = append(d.Nodes, runner.DeviceNode{Host: "/dev/null", Inside: fmt.Sprintf("/dev/nvidia%d", i), Major: 1, Minor: 3})
	}
	for i := len(d.Files); i < runner.MaxDriverFiles; i++ {
		d.Files = append(d.Files, runner.DriverFile{Host: d.Files[0].Host, Inside: fmt.Sprintf("%s/lib64/lib%d.so", runner.DriverDir, i)})
	}
	if err := e.ProbeCards(t.Context(), d); err != nil {
		t.Error(err)
	}
	d.Files = append(d.Files, runner.DriverFile{Host: "/etc/passwd", Inside: runner.DriverDir + "/more"})
	s := job("echo")
	s.Devices = d
	if _, err := e.Start(t.Context(), s, nil, nil); err == nil {
		t.Error("more than a job may have was passed on")
	}
}

// TestCardsStayInPlace refuses to place what is no device beside the devices.
func TestCardsStayInPlace(t *testing.T) {
	for _, d := range []runner.Devices{
		{Nodes: []runner.DeviceNode{{Host: "/dev/null", Inside: "/etc/passwd"}}},
		{Nodes: []runner.DeviceNode{{Host: "/dev/null", Inside: "/dev/../etc/passwd"}}},
		{Nodes: []runner.DeviceNode{{Host: "null", Inside: "/dev/x"}}},
		{Nodes: []runner.DeviceNode{{Host: "/dev/null", Inside: "/dev/x"}, {Host: "/dev/zero", Inside: "/dev/x"}}},
		{Files: []runner.DriverFile{{Host: "/etc/passwd", Inside: "/etc/passwd"}}},
		{Files: []runner.DriverFile{{Host: "/etc/passwd", Inside: runner.DriverDir}}},
		{Sys: []runner.DriverFile{{Host: "/sys", Inside: "/sys"}}},
		{SysLinks: []runner.SysLink{{Inside: "/sys/a", Target: "/etc"}}},
		{SysLinks: []runner.SysLink{{Inside: "/sys/a", Target: "../../etc"}}},
	} {
		s := job("echo")
		s.Devices = d
		if err := s.Check(); err == nil {
			t.Errorf("%+v was let through", d)
		}
	}
}

// TestOtherDevicesAreHeldBack has the kernel refuse a job's processes every device that is
// neither harmless nor its card's, whatever file it might find of one.
func TestOtherDevicesAreHeldBack(t *testing.T) {
	e := serve(t)
	s := job("sleep", "60")
	s.Devices = card(t)
	j, err := e.Start(t.Context(), s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		j.Stop()
		if _, err := j.Wait(); err != nil {
			t.Error(err)
		}
	}()
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", j.(*Job).box.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, own, ok := strings.Cut(string(groups), ":devices:")
	if !ok {
		t.Skip("needs the devices control group of v1: under v2 the kernel shows no list")
	}
	own, _, _ = strings.Cut(own, "\n")
	list, err := os.ReadFile(filepath.Join("/sys/fs/cgroup/devices", own, "devices.list"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(string(list)), "\n")
	slices.Sort(got)
	if want := []string{"c 1:3 rw", "c 1:5 rw", "c 1:7 rw", "c 1:8 rw", "c 1:9 rw"}; !slices.Equal(got, want) { // the card's are among them
		t.Errorf("a job may open %q, want %q", got, want)
	}
}

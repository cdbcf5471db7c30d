//go:build linux

package cgroup

import (
	"os/exec"
	"strings"
	"testing"
)

// testDevices opens what a group may open and what it may not, and makes a device file.
func testDevices(t *testing.T, p *Parent) {
	g, err := p.New("devices", Limits{Devices: []Device{{1, 3}, {1, 8}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
	node := t.TempDir() + "/zero"
	script := `try() { if ("$@") 2>/dev/null; then echo yes; else echo no; fi; }
open() { : <"$1"; }
write() { echo >"$1"; }
try open /dev/null; try write /dev/null; try open /dev/random; try open /dev/zero; try open /dev/urandom; try mknod "$1" c 1 3`
	out := &strings.Builder{}
	cmd := exec.Command("sh", "-c", script, "sh", node)
	cmd.Stdout = out
	if err := g.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(strings.Fields(out.String()), " "), "yes yes yes no no no"; got != want {
		t.Errorf("null, null, random, zero, urandom, a new one: %s, want %s", got, want)
	}
	free, err := p.New("free", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("sh", "-c", ": </dev/zero")
	if err := free.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("a group without a list opens no device: %v", err)
	}
	if err := free.Close(); err != nil {
		t.Error(err)
	}
}

// TestDevices holds processes to the devices that their group may open.
func TestDevices(t *testing.T) {
	p := parent(t)
	if !p.serves(devices) {
		t.Skip("needs control groups that hold devices: run as root, with v1's devices or a kernel with CONFIG_CGROUP_BPF")
	}
	testDevices(t, p)
}

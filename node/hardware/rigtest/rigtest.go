// Package rigtest makes machines with cards that are not there, for tests: a directory
// with the files that Linux and the drivers keep of a rig's cards, and programs in place
// of the drivers' tools. The forms are those of the kernel's and the drivers' documents
// and of public logs; nothing here has been compared with a real rig.
package rigtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Card is one card of a machine. Zero values leave a file out.
type Card struct {
	Address, Vendor, Device, Revision string
	Class                             string // "0x030000" unless given
	Driver                            string // of the kernel; "" for none
	Width, MaxWidth                   int
	Gen, MaxGen                       int // of PCI Express
	Node                              int // nvidia's minor number, or the render node's beyond 128

	Name             string // as its driver tells it
	UUID             string
	VRAMMiB, UsedMiB int
	TempC, FanPct    int
	PowerW, LimitW   int
	ECCUncorrected   string // "N/A" unless given
	RetirePending    string // "N/A" unless given
	Processes        []Process
	LoadPct          int
	JunctionC        int    // of amdgpu
	MemoryC          int    // of amdgpu, and of nvidia-smi's rows
	EnergyUJ         uint64 // of i915 and xe

	Lost bool // has fallen off the bus
}

// Process is one that works on a card.
type Process struct {
	PID     int
	Name    string
	UsedMiB int
}

// Machine is a rig. Its directory is complete when Write has returned.
type Machine struct {
	Cards []Card
	// NVIDIADriver is the loaded driver's version; "" for no driver.
	NVIDIADriver string
	// SMI is a shell script in place of nvidia-smi; "" for one that tells of the cards.
	SMI string
	// NoTools leaves nvidia-smi out.
	NoTools bool
	// Kernel is the kernel's log, a record a line ("4,12,3456,-;text").
	Kernel []string
	// Boot is the boot's identity.
	Boot string
	// CPUTempC and CPUEnergyUJ are the processors' temperature and their count of energy; 0
	// leaves the files out.
	CPUTempC    int
	CPUEnergyUJ uint64
	// OldFields are what this nvidia-smi does not know of --query-gpu.
	OldFields []string
}

// writer collects the first error, so that a machine reads as a list of its files.
type writer struct {
	root string
	err  error
}

func (w *writer) file(name, content string, mode os.FileMode) {
	path := filepath.Join(w.root, name)
	if w.err == nil {
		w.err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if w.err == nil {
		w.err = os.WriteFile(path+".new", []byte(content), mode)
	}
	if w.err == nil {
		w.err = os.Chmod(path+".new", mode)
	}
	if w.err == nil { // who reads meanwhile has the old content or the new
		w.err = os.Rename(path+".new", path)
	}
}

func (w *writer) link(name, to string) {
	path := filepath.Join(w.root, name)
	if w.err == nil {
		w.err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if w.err == nil {
		if w.err = os.Symlink(to, path); errors.Is(w.err, os.ErrExist) {
			w.err = nil
		}
	}
}

// Write makes the machine below root, or changes the one that is there.
func (m *Machine) Write(root string) error {
	w := &writer{root: root}
	boot := m.Boot
	if boot == "" {
		boot = "6d1b1a5e-1f0c-4f6e-9d3b-0f6a3d1c2b4a"
	}
	w.file("proc/sys/kernel/random/boot_id", boot+"\n", 0o644)
	w.file("proc/sys/kernel/osrelease", "5.10.0-hiveos\n", 0o644)
	w.file("dev/kmsg", strings.Join(append(m.Kernel, ""), "\n"), 0o644)
	w.file("sys/bus/pci/devices/0000:00:1f.0/class", "0x060100\n", 0o644)
	w.file("sys/bus/pci/devices/0000:00:1f.0/vendor", "0x8086\n", 0o644)
	w.state(m)
	return w.err
}

// state writes what may change while the machine runs.
func (w *writer) state(m *Machine) {
	for i := range m.Cards {
		w.card(&m.Cards[i])
	}
	if m.NVIDIADriver != "" {
		w.nvidia(m)
	}
	if m.CPUTempC != 0 {
		w.file("sys/class/hwmon/hwmon0/name", "coretemp\n", 0o644)
		w.file("sys/class/hwmon/hwmon0/temp1_label", "Package id 0\n", 0o644)
		w.file("sys/class/hwmon/hwmon0/temp1_input", fmt.Sprintln(m.CPUTempC*1000), 0o644)
	}
	if m.CPUEnergyUJ != 0 {
		const dir = "sys/class/powercap/intel-rapl:0/"
		w.file(dir+"name", "package-0\n", 0o644)
		w.file(dir+"max_energy_range_uj", "262143328850\n", 0o644)
		w.file(dir+"energy_uj", fmt.Sprintln(m.CPUEnergyUJ), 0o400)
	}
}

var speeds = [...]string{"Unknown", "2.5 GT/s PCIe", "5.0 GT/s PCIe", "8.0 GT/s PCIe", "16.0 GT/s PCIe", "32.0 GT/s PCIe"}

func (w *writer) card(c *Card) {
	dir := "sys/bus/pci/devices/" + c.Address + "/"
	put := func(name, content string) { w.file(dir+name, content+"\n", 0o644) }
	class := c.Class
	if class == "" {
		class = "0x030000"
	}
	put("class", class)
	put("vendor", "0x"+c.Vendor)
	put("device", "0x"+c.Device)
	put("revision", "0x"+c.Revision)
	put("numa_node", "-1")
	put("current_link_width", fmt.Sprint(c.Width))
	put("max_link_width", fmt.Sprint(c.MaxWidth))
	put("current_link_speed", speeds[c.Gen])
	put("max_link_speed", speeds[c.MaxGen])
	config := "\xde\x10\x00\x00"
	if c.Lost {
		config = "\xff\xff\xff\xff"
	}
	w.file(dir+"config", config, 0o644)
	if c.Driver == "" {
		return
	}
	w.link(dir+"driver", "../../../../bus/pci/drivers/"+c.Driver)
	if c.Driver == "nvidia" {
		return
	}
	put(fmt.Sprintf("drm/card%d/dev", c.Node), fmt.Sprintf("226:%d", c.Node))
	put(fmt.Sprintf("drm/renderD%d/dev", 128+c.Node), fmt.Sprintf("226:%d", 128+c.Node))
	hwmon := "hwmon/hwmon1/"
	put(hwmon+"name", c.Driver)
	if c.TempC != 0 {
		put(hwmon+"temp1_input", fmt.Sprint(c.TempC*1000))
		put(hwmon+"temp1_label", "edge")
	}
	if c.EnergyUJ != 0 {
		put(hwmon+"energy1_input", fmt.Sprint(c.EnergyUJ))
	}
	if c.Driver != "amdgpu" {
		return
	}
	put("gpu_busy_percent", fmt.Sprint(c.LoadPct))
	if c.JunctionC != 0 {
		put(hwmon+"temp2_input", fmt.Sprint(c.JunctionC*1000))
		put(hwmon+"temp2_label", "junction")
	}
	if c.MemoryC != 0 {
		put(hwmon+"temp3_input", fmt.Sprint(c.MemoryC*1000))
		put(hwmon+"temp3_label", "mem")
	}
	put("mem_info_vram_total", fmt.Sprint(c.VRAMMiB<<20))
	put("mem_info_vram_used", fmt.Sprint(c.UsedMiB<<20))
	put(hwmon+"pwm1", fmt.Sprint(c.FanPct*255/100+1))
	put(hwmon+"power1_average", fmt.Sprint(c.PowerW*1e6))
	put(hwmon+"power1_cap", fmt.Sprint(c.LimitW*1e6))
}

// nvidia writes the driver's files and its tool.
func (w *writer) nvidia(m *Machine) {
	w.file("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  "+m.NVIDIADriver+
		"  Thu Feb 22 01:44:30 UTC 2024\nGCC version:  gcc version 9.4.0\n", 0o444)
	for i := range m.Cards {
		c := &m.Cards[i]
		if c.Driver != "nvidia" {
			continue
		}
		w.file("proc/driver/nvidia/gpus/"+c.Address+"/information", fmt.Sprintf(
			"Model: \t\t %s\nIRQ:   \t\t 140\nGPU UUID: \t %s\nBus Type: \t PCIe\nBus Location: \t %s\nDevice Minor: \t %d\n",
			c.Name, c.UUID, c.Address, c.Node), 0o444)
	}
	if m.NoTools {
		return
	}
	script := m.SMI
	if script == "" {
		script = w.smi(m)
	}
	w.file("usr/bin/nvidia-smi", "#!/bin/sh\n"+script, 0o755)
}

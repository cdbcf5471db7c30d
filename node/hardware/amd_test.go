//go:build linux

package hardware_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/hardware/rigtest"
)

// put writes a file of a card, or a tool.
func put(t *testing.T, root, name, content string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

// TestROCm holds what rocm-smi adds to sysfs, in the forms of two of its versions, and
// that its failures cost nothing that sysfs tells.
func TestROCm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ tool, uuid, note string }{
		"5.x": {`echo 'WARNING: AMD GPU device(s) is/are in a low-power state.'; echo '{"card0": {"Unique ID": "0x1A2B3C4D5E6F7788", "Card series": "Radeon RX 580 Series", "PCI Bus": "0000:03:00.0"}, "system": {"Driver version": "5.18.13"}}'`,
			"GPU-1a2b3c4d5e6f7788", ""},
		"6.x":        {`echo '{"card0": {"Unique ID": "0x1a2b3c4d5e6f7788", "Card Series": "Radeon RX 580", "PCI Bus": "0000:03:00.0", "GUID": 7}}'`, "GPU-1a2b3c4d5e6f7788", ""},
		"hostile ID": {`echo '{"card0": {"Unique ID": "0x$(reboot)", "PCI Bus": "0000:03:00.0"}}'`, "", ""},
		"garbage":    {`echo 'Traceback (most recent call last):'`, "", "JSON cannot be read"},
		"fails":      {`echo 'ERROR:root:Driver not initialized'; exit 1`, "", "Driver not initialized"},
	} {
		root, _ := rig(t, rigtest.RX580())
		put(t, root, "opt/rocm/bin/rocm-smi", "#!/bin/sh\n"+c.tool+"\n", 0o755)
		v := hardware.Below(root).Look(t.Context())
		if got := v.Cards[0]; got.UUID != c.uuid || got.Model != "RX 580" || !got.Read || got.VRAMMiB != 8192 || v.Cards[1].UUID != "" {
			t.Errorf("%s: %q %s", name, got.UUID, describe(&got))
		}
		if notes := strings.Join(v.Notes, "\n"); !strings.Contains(notes, c.note) || (c.note == "") != (notes == "") {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
}

// TestAMDFaults holds memory errors and resets of AMD's cards.
func TestAMDFaults(t *testing.T) {
	t.Parallel()
	m := rigtest.RX580()
	m.Kernel = []string{"6,10,1,-;amdgpu 0000:04:00.0: amdgpu: GPU reset begin!", "6,11,1,-;amdgpu 0000:04:00.0: amdgpu: ring sdma0 uses VM inv eng 0"}
	root, _ := rig(t, m)
	put(t, root, "sys/bus/pci/devices/0000:03:00.0/ras/umc_err_count", "ue: 2\nce: 90\n", 0o644)
	put(t, root, "sys/bus/pci/devices/0000:03:00.0/unique_id", "f00dfeedcafe0001\n", 0o644)
	put(t, root, "sys/bus/pci/devices/0000:04:00.0/aer_dev_fatal", "Undefined 0\nTOTAL_ERR_FATAL 3\n", 0o644)
	v := hardware.Below(root).Look(t.Context())
	if got := describe(&v.Cards[0]); !strings.HasSuffix(got, "read=true ecc(true)") || v.Cards[0].UUID != "GPU-f00dfeedcafe0001" {
		t.Errorf("%s %s", v.Cards[0].UUID, got)
	}
	if got := describe(&v.Cards[1]); !strings.HasSuffix(got, "read=true pcie-fatal(true) reset(true)") {
		t.Error(got)
	}
}

// TestToolsAreFoundByPath holds that only programs of a machine's own directories are run,
// and that they get none of the caller's environment.
func TestToolsAreFoundByPath(t *testing.T) {
	root, _ := rig(t, rigtest.Mixed())
	elsewhere := t.TempDir()
	put(t, elsewhere, "nvidia-smi", "#!/bin/sh\ntouch \"$0.ran\"\n", 0o755)
	t.Setenv("PATH", elsewhere+":"+os.Getenv("PATH"))
	t.Setenv("RERIG_PASSPHRASE", "secret")
	put(t, root, "usr/bin/nvidia-smi", "#!/bin/sh\nenv > \"$0.env\"\n", 0o644)
	if v := hardware.Below(root).Look(t.Context()); len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "not installed") {
		t.Errorf("a file that is no program: %q", v.Notes)
	}
	if err := os.Chmod(filepath.Join(root, "usr/bin/nvidia-smi"), 0o755); err != nil {
		t.Fatal(err)
	}
	hardware.Below(root).Look(t.Context())
	env, err := os.ReadFile(filepath.Join(root, "usr/bin/nvidia-smi.env"))
	if err != nil || strings.Contains(string(env), "secret") || strings.Contains(string(env), elsewhere) {
		t.Errorf("environment %q, %v", env, err)
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "nvidia-smi.ran")); err == nil {
		t.Error("a program of the user's PATH was run")
	}
}

// FuzzTools holds that nothing that a tool writes breaks a survey, adds a card or gets out
// as it is.
func FuzzTools(f *testing.F) {
	for _, seed := range []string{"", "<nvidia_smi_log>", "<nvidia_smi_log><gpu id=\"00000000:01:00.0\"><uuid>GPU-1</uuid><minor_number>-1</minor_number></gpu></nvidia_smi_log>",
		"Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.", "{\"card0\": {\"PCI Bus\": \"0000:05:00.0\"}}",
		"<nvidia_smi_log><gpu id=\"00000000:01:00.0\"><processes><process_info><pid>1</pid><type>C</type></process_info></processes></gpu></nvidia_smi_log>"} {
		f.Add([]byte(seed))
	}
	root := f.TempDir()
	m := rigtest.Mixed()
	m.Cards = append(m.Cards, rigtest.Card{Address: "0000:05:00.0", Vendor: "1002", Device: "67df", Revision: "e7", Driver: "amdgpu", VRAMMiB: 8192})
	if err := m.Write(root); err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(root, "usr/bin"), 0o755), os.WriteFile(filepath.Join(root, "usr/bin/rocm-smi"), nil, 0o755)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		src := hardware.Below(root)
		src.Run = func(context.Context, string, ...string) ([]byte, error) { return out, nil }
		v := src.Look(t.Context())
		if len(v.Cards) != 3 {
			t.Fatalf("%d cards", len(v.Cards))
		}
		shown := strings.Join(v.Notes, "")
		for _, c := range v.Cards {
			shown += c.Model + c.UUID + c.DriverVersion
			for _, fault := range c.Faults {
				shown += fault.Text
			}
		}
		for _, r := range shown {
			if r < ' ' || r > '~' {
				t.Fatalf("%q is shown", shown)
			}
		}
	})
}

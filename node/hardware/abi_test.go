package hardware

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestABITableIsOfThePin holds the table to the gVisor that is linked.
func TestABITableIsOfThePin(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./genabi")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	want, err := cmd.Output()
	if err != nil {
		t.Fatalf("go run ./genabi: %v", err)
	}
	got, err := os.ReadFile("abi_table.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("abi_table.go is not what go run ./node/hardware/genabi writes for the gVisor in go.mod: run it")
	}
}

// TestGVisorDriver holds that a driver counts when it is exactly one of gVisor's, and what a
// miner is told otherwise.
func TestGVisorDriver(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		ok  bool
		why string
	}{
		"550.90.12":   {true, "gVisor knows driver 550.90.12"},
		"535.129.03":  {true, "gVisor knows driver 535.129.03"},
		"580.126.09":  {true, "gVisor knows driver 580.126.09"},
		"550.54.14":   {false, "not qualified it; the nearest qualified is 550.90.12"},
		"550.90.13":   {false, "does not know driver 550.90.13; the nearest that it does is 550.90.12"},
		"535.129.04":  {false, "nearest that it does is 535.129.03"},
		"470.223.02":  {false, "nearest that it does is 535.129.03"}, // an older branch: upwards
		"390.157":     {false, "does not know driver 390.157; the nearest that it does is 535.129.03"},
		"600.10.01":   {false, "nearest that it does is 610.57.04"},
		"999.1.1":     {false, "nearest that it does is 620.06.00"},
		"":            {false, "cannot be read"},
		"550.90.12-x": {false, "cannot be read"},
		"1.2.3.4":     {false, "cannot be read"},
	} {
		ok, why := GVisorDriver(in)
		if ok != want.ok || !strings.Contains(why, want.why) {
			t.Errorf("%q: %v, %q; want %v, %q", in, ok, why, want.ok, want.why)
		}
	}
	if len(abis) < 30 || abiSource == "" {
		t.Errorf("%d drivers of %q", len(abis), abiSource)
	}
}

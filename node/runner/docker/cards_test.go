package docker

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"

	"github.com/rerig/rerig/node/runner"
)

var rtx = runner.Devices{Names: []string{"rerig-nvidia/card=0000:01:00.0"}, NVIDIA: "550.90.12",
	Nodes: []runner.DeviceNode{{Host: "/dev/nvidia0", Inside: "/dev/nvidia0", Major: 195}}}

// TestCardsAreAskedForByName asks the engine for a job's cards and no other, and for none
// where the job has none.
func TestCardsAreAskedForByName(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.info.CDISpecDirs = []string{"/etc/cdi", "/var/run/cdi"}
	said := "open /dev/nvidia0\n"
	f.program = func(c *fakeContainer) int {
		if r := c.config.HostConfig.DeviceRequests; len(r) == 1 && r[0].Driver == "cdi" && slices.Equal(r[0].DeviceIDs, rtx.Names) {
			c.print(streamStdout, said)
		}
		return 0
	}
	e := newEngine(t, f)
	for _, d := range []runner.Devices{rtx, {}} {
		if err := e.ProbeCards(t.Context(), d); err != nil {
			t.Error(err)
		}
	}
	said += "open /dev/nvidia1\n"
	if err := e.ProbeCards(t.Context(), rtx); err == nil || !strings.Contains(err.Error(), "nvidia1") {
		t.Errorf("another card was not seen: %v", err)
	}
	f.mutate = func(h *container.HostConfig) { h.DeviceRequests = nil }
	if err := e.ProbeCards(t.Context(), rtx); err == nil || !strings.Contains(err.Error(), "it has devices") {
		t.Errorf("an engine that forgets the card: %v", err)
	}
	f.mutate = func(h *container.HostConfig) {
		h.DeviceRequests = []container.DeviceRequest{{Driver: "nvidia", Count: -1}}
	}
	s := newSpec(t)
	if _, err := e.Start(t.Context(), s, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "it has devices") {
		t.Errorf("an engine that adds all cards: %v", err)
	}
}

// TestCardsRefused refuses cards under an engine that has no CDI, and cards without names.
func TestCardsRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := newEngine(t, f)
	if err := e.ProbeCards(t.Context(), rtx); !errors.Is(err, runner.ErrNoCards) || !strings.Contains(err.Error(), "CDI") {
		t.Errorf("without CDI: %v", err)
	}
	nameless := rtx
	nameless.Names = nil
	if err := e.ProbeCards(t.Context(), nameless); !errors.Is(err, runner.ErrNoCards) {
		t.Errorf("without names: %v", err)
	}
}

package docker

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/moby/moby/api/types/container"

	"github.com/rerig/rerig/node/runner"
)

// cdiDriver is Docker's name for devices of the Container Device Interface.
const cdiDriver = "cdi"

// modeCards has the helper list what a job has of cards.
const modeCards = "cards"

// requests asks the engine for a job's cards by their CDI names. The specs that say what
// belongs to them are the rig's, in a directory that the engine reads.
func requests(d *runner.Devices) []container.DeviceRequest {
	if d.None() {
		return nil
	}
	return []container.DeviceRequest{{Driver: cdiDriver, DeviceIDs: d.Names}}
}

// sameRequests tells whether the engine made what was asked for of cards, and no more.
func sameRequests(want, got []container.DeviceRequest) bool {
	return slices.EqualFunc(want, got, func(a, b container.DeviceRequest) bool {
		return a.Driver == b.Driver && a.Count == b.Count && slices.Equal(a.DeviceIDs, b.DeviceIDs) &&
			len(b.Capabilities) == 0 && len(b.Options) == 0
	})
}

// checkCards refuses a job with cards that this engine would not give it.
func (k *kind) checkCards(d *runner.Devices) error {
	switch {
	case d.None():
		return nil
	case len(d.Names) == 0:
		return fmt.Errorf("%w: Docker takes cards by their CDI names only, and these have none", runner.ErrNoCards)
	case !k.cdi:
		return fmt.Errorf("%w: Docker reads no CDI specs: use Docker 28.3 or later, or turn its feature cdi on", runner.ErrNoCards)
	}
	return nil
}

// ProbeCards runs the helper with cards and has it list and open what there is of them. Run
// must be active.
//
// Unproven: no test has met an engine that has a card.
func (e *Engine) ProbeCards(ctx context.Context, d runner.Devices) error {
	if err := os.MkdirAll(e.config.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the directory of Docker's self-test: %w", err)
	}
	dir, err := os.MkdirTemp(e.config.DataDir, "probe-")
	if err != nil {
		return fmt.Errorf("make the directory of Docker's self-test: %w", err)
	}
	defer os.RemoveAll(dir)
	s, err := helperJob(dir, modeCards)
	if err != nil {
		return err
	}
	s.Devices = d
	said, err := e.runHelper(ctx, s)
	if err != nil {
		return err
	}
	return d.Listed(string(said))
}

// listCards is the helper's part of ProbeCards.
func listCards(out io.Writer) error {
	return runner.ListDevices(out, "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
		"/dev/console", "/dev/ptmx", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fuse", "/dev/net")
}

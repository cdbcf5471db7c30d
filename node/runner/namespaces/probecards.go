//go:build linux

package namespaces

import (
	"context"
	"fmt"
	"os"

	"github.com/rerig/rerig/node/runner"
)

// ProbeCards runs a small job that lists and opens every device file and driver's file that
// it has. Each of d must be among them, and no other.
func (e *Engine) ProbeCards(ctx context.Context, d runner.Devices) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var out said
	j, err := e.probeJob(ctx, "cards", &out, d)
	if err != nil {
		return fmt.Errorf("a job with cards: %w", err)
	}
	res, err := j.Wait()
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case res.Failure != nil || res.ExitCode != 0:
		return fmt.Errorf("a job with cards ended with code %d, %v, saying %q", res.ExitCode, res.Failure, out.text())
	}
	return d.Listed(out.text())
}

// probedCards is ProbeCards' job.
func probedCards() error {
	return runner.ListDevices(os.Stdout, "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
}

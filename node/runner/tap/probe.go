package tap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// The addresses of a self-test: its job's own, and whom it calls. They are of no network
// (RFC 5737).
const (
	probeAddr = "192.0.2.1/24"
	probePeer = "192.0.2.2:9"
)

// probeTime is how long a self-test waits for what its job sent.
const probeTime = 5 * time.Second

// Probe tells whether an engine's jobs can have an interface: run is to run a job that calls
// Call, with this interface, and something of it must come out at the far end.
func Probe(ctx context.Context, run func(context.Context, *runner.Interface) error) error {
	heard := make(chan error, 1)
	attached := false
	attach := func(far *os.File) error {
		attached = true
		go func() { // ends with the first frame, or in probeTime
			defer far.Close()
			if err := far.SetReadDeadline(time.Now().Add(probeTime)); err != nil {
				heard <- err
				return
			}
			_, err := far.Read(make([]byte, MaxFrame))
			heard <- err
		}()
		return nil
	}
	err := run(ctx, &runner.Interface{Addr: netip.MustParsePrefix(probeAddr), Attach: attach})
	switch {
	case !attached && err == nil:
		err = errors.New("the job got no interface")
	case attached:
		if deaf := <-heard; deaf != nil {
			err = errors.Join(err, fmt.Errorf("nothing that the job sent came out: %w", deaf))
		}
	}
	return err
}

// Call is what the job of a self-test does.
func Call() error {
	c, err := net.Dial("udp4", probePeer)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("rerig"))
	return err
}

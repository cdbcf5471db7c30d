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

// probeTime is how long a self-test waits for what its job sent, when that has ended.
const probeTime = 5 * time.Second

// Probe tells whether an engine's jobs can have an interface: run is to run a job that calls
// Call, with this interface, to its end, and something of it must come out at the far end.
func Probe(ctx context.Context, run func(context.Context, *runner.Interface) error) error {
	var far *os.File
	heard := make(chan error, 1)
	attach := func(f *os.File) error {
		if far != nil { // of a sandbox that ended before the job began in it
			_ = far.Close()
			var _ = <-heard // that it was closed
		}
		far = f
		go func() { // ends with the first frame, or when far is closed or late
			_, err := f.Read(make([]byte, MaxFrame))
			heard <- err
		}()
		return nil
	}
	err := run(ctx, &runner.Interface{Addr: netip.MustParsePrefix(probeAddr), Attach: attach})
	if far == nil {
		if err == nil {
			err = errors.New("the job got no interface")
		}
		return err
	}
	// Closing it takes the interface away, so no clock runs while a busy machine starts the job.
	late := far.SetReadDeadline(time.Now().Add(probeTime))
	if late != nil {
		_ = far.Close()
	}
	if deaf := <-heard; deaf != nil {
		err = errors.Join(err, late, fmt.Errorf("nothing that the job sent came out: %w", deaf))
	}
	_ = far.Close() // it has said all
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

package conformance

import (
	"context"
	"io"
	"net/netip"
	"os"

	"github.com/rerig/rerig/node/runner"
)

// interfaceAddr is of no network (RFC 5737).
var interfaceAddr = netip.MustParsePrefix("192.0.2.1/24")

// Interfaced gives every job of an engine a network interface, at whose far end nobody
// answers: what a job can do with one, beside what it can without.
func Interfaced(e runner.Engine) runner.Engine { return interfaced{e} }

type interfaced struct{ runner.Engine }

// Start runs a job with an interface, which goes with the job.
func (e interfaced) Start(ctx context.Context, s runner.Spec, stdout, stderr io.Writer) (runner.Job, error) {
	var far *os.File
	s.Interface = &runner.Interface{Addr: interfaceAddr, Attach: func(f *os.File) error {
		far = f
		go func() { _, _ = io.Copy(io.Discard, f) }() // ends when it is closed
		return nil
	}}
	job, err := e.Engine.Start(ctx, s, stdout, stderr)
	switch {
	case far == nil:
	case err != nil:
		far.Close()
	default:
		go func() { // ends with the job
			_, _ = job.Wait() // its starter hears of it
			far.Close()
		}()
	}
	return job, err
}

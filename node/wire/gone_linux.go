//go:build linux && !nogvisor

package wire

import (
	"io"
	"net"
)

// gone is a connection whose job went away while it was being opened. Whatever is done with
// it fails, as with a pipe that is closed, so that whoever serves it tells the other side.
type gone struct{ net.Conn }

// newGone makes one.
func newGone() gone {
	near, far := net.Pipe()
	_ = far.Close() // closing a pipe does not fail
	_ = near.Close()
	return gone{near}
}

// CloseWrite fails: nobody is told.
func (gone) CloseWrite() error { return io.ErrClosedPipe }

// CloseRead does nothing: nothing was sent.
func (gone) CloseRead() error { return nil }

// Reset does nothing.
func (gone) Reset() error { return nil }

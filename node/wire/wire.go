// Package wire holds the far end of a sandbox's network interface (SPEC §5.8, §5.10): a small
// network of this process's own, in which nothing but a few addresses exist, each of them a
// Route. Only TCP to those is answered; nothing is forwarded, and no socket of the machine
// is behind it. Start at Open.
package wire

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// Limits of one sandbox's wire.
const (
	// MaxConns is how many connections may be open at once, both ways together.
	MaxConns = 256
	// maxOpening is how many of them may be about to open.
	maxOpening = 64
	// bufferBytes is the most that is kept for one connection in one direction, beside
	// what its route keeps.
	bufferBytes = 256 << 10
	// BytesPerSecond is the most that all connections carry in each direction, and burst how
	// much of it at once.
	BytesPerSecond = 64 << 20
	burst          = 1 << 20
)

// ErrNotHere is returned by Open where this build has no network of its own.
var ErrNotHere = errors.New("a network for a job needs Linux and a build with gVisor")

// Conn is a connection of a job, a stream of bytes.
type Conn interface {
	net.Conn
	// CloseWrite tells the other side that no more comes.
	CloseWrite() error
	// CloseRead says that all that the job sent has been passed on, or that it does not
	// matter any more: Drain waits for it, or for the connection's end.
	CloseRead() error
	// Reset ends the connection at once, so that the other side sees an error.
	Reset() error
}

// Route is what an address is to a job: it says what serves a connection to a port, or by its
// error that there is none, so that the job is refused. The connection is open when serve is
// called, and closed when serve returns. ctx ends with the wire.
type Route func(ctx context.Context, port uint16) (serve func(Conn), err error)

// Config is what a Wire needs.
type Config struct {
	// Addr is the sandbox's own address, with the length of its network.
	Addr netip.Prefix
	// MTU is the longest packet of the interface, in bytes.
	MTU uint32
	// Routes are all addresses that there are.
	Routes map[netip.Addr]Route
}

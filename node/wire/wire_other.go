//go:build !linux || nogvisor

package wire

import (
	"context"
	"net/netip"
	"os"
)

// Here tells that Open works in this build.
const Here = false

// Wire is not on this system.
type Wire struct{}

// Open returns ErrNotHere.
func Open(*os.File, Config) (*Wire, error) { return nil, ErrNotHere }

// Dial returns ErrNotHere.
func (*Wire) Dial(context.Context, netip.Addr, uint16) (Conn, error) { return nil, ErrNotHere }

// Drain does nothing.
func (*Wire) Drain(context.Context) error { return nil }

// Close does nothing.
func (*Wire) Close() error { return nil }

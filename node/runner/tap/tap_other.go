//go:build !linux

package tap

import (
	"net/netip"
	"os"
)

// Open returns ErrNotHere.
func Open(int, netip.Prefix) (*os.File, error) { return nil, ErrNotHere }

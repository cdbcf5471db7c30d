// Package tap gives a sandbox's network namespace an interface whose far end is a file of
// this process, so that what a job sends goes nowhere but there (SPEC §5.8). Start at Open.
package tap

import "errors"

// Name is the interface's in every sandbox.
const Name = "rerig0"

// MTU is the most bytes of one packet. Packets are copied between processes of one
// machine, where each costs about the same whatever its length.
const MTU = 32 << 10

// MaxFrame is the longest Ethernet frame of the interface, in bytes.
const MaxFrame = MTU + 14

// ErrNotHere is returned by Open where the system has no such interfaces.
var ErrNotHere = errors.New("a network interface for a job needs Linux, root and /dev/net/tun")

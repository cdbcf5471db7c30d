//go:build !linux

package conformance

// outside is what can be seen of an engine on Linux alone.
var outside []check

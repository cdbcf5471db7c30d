//go:build !linux

package main

// calls has nothing to call: WASI has no call that only asks the system.
func calls(int) {}

//go:build linux

package gvisor

import "os"

// Main is the self-test's job, and does not return, in a process that was started as that
// inside a sandbox; in every other it returns false at once. It must come before anything
// else in main.
func Main() bool {
	action := os.Getenv(probeEnv)
	if action == "" {
		return false
	}
	os.Exit(guest(action))
	return true // not reached
}

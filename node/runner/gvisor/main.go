//go:build linux

package gvisor

import "os"

// Main is the self-test's job, or the helper that connects to a job's ports, and does not
// return, in a process that was started as that inside a sandbox; in every other it returns
// false at once. It must come before anything
// else in main.
func Main() bool {
	if os.Getenv(dialEnv) != "" && os.Args[0] == helperPath {
		os.Exit(carry())
	}
	action := os.Getenv(probeEnv)
	if action == "" {
		return false
	}
	os.Exit(guest(action))
	return true // not reached
}

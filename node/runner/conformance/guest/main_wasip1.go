package main

// rest writes for ever: a module has no other way to wait that takes the host's time, and
// its consumer holds it back.
func rest() error { return flood(nil) }

package main

import "golang.org/x/sys/unix"

// calls asks the kernel for what costs it next to nothing.
func calls(times int) {
	for range times {
		unix.Getppid()
	}
}

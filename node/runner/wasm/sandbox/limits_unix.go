//go:build unix

package main

import "golang.org/x/sys/unix"

// maxOpenFiles leaves the guest some fifty besides the child's own.
const maxOpenFiles = 64

func lower(resource int, to uint64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(resource, &l); err != nil {
		return err
	}
	l.Max = min(l.Max, to)
	l.Cur = l.Max
	return unix.Setrlimit(resource, &l)
}

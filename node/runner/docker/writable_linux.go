package docker

import "golang.org/x/sys/unix"

// canWrite tells whether this process may make files in a directory, without making one.
func canWrite(dir string) bool { return unix.Access(dir, unix.W_OK) == nil }

//go:build unix

package runner

import "golang.org/x/sys/unix"

// nonBlock opens a pipe that took a file's place without waiting for a writer, and follows
// no link.
const nonBlock = unix.O_NONBLOCK | unix.O_NOFOLLOW

//go:build linux

package namespaces

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// allowedHere are the calls of arm64 under names of its own.
var allowedHere = []uint32{unix.SYS_FSTATAT, unix.SYS_RENAMEAT}

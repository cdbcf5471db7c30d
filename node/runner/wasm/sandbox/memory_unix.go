//go:build unix

package main

import "golang.org/x/sys/unix"

// region is reserved address space of which the beginning is usable. Growing
// it copies nothing and untouched pages cost nothing.
type region struct{ all []byte }

func reserve(most uint64) (region, error) {
	if most == 0 {
		return region{}, nil
	}
	b, err := unix.Mmap(-1, 0, int(most), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	return region{b}, err
}

func (r *region) commit(size uint64) ([]byte, error) {
	if size == 0 {
		return r.all[:0], nil
	}
	b := r.all[:size]
	return b, unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE)
}

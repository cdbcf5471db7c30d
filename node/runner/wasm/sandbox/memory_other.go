//go:build !unix

package main

// region is a plain slice where address space cannot be reserved portably.
type region struct{ used []byte }

func reserve(uint64) (region, error) { return region{}, nil }

func (r *region) commit(size uint64) ([]byte, error) {
	if size > uint64(cap(r.used)) {
		grown := make([]byte, size)
		copy(grown, r.used)
		r.used = grown
	}
	r.used = r.used[:size]
	return r.used, nil
}

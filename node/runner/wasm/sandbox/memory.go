package main

import (
	"fmt"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

// allocator gives the guest its linear memory, up to the job's limit. The
// runtime is made before the job is known, so the limit cannot be wazero's own.
type allocator struct {
	limit   uint64
	refused bool
}

var _ experimental.MemoryAllocator = (*allocator)(nil)

// Allocate reserves address space for the most that the guest may use.
func (a *allocator) Allocate(least, most uint64) experimental.LinearMemory {
	if least > a.limit {
		fail(failMemory, fmt.Sprintf("module starts with %d bytes of memory, over the limit of %d", least, a.limit))
	}
	m, err := reserve(min(most, a.limit))
	if err != nil {
		fail(failInternal, "reserve the guest's memory: "+err.Error())
	}
	return &linearMemory{allocator: a, region: m}
}

type linearMemory struct {
	*allocator
	region region
}

// Reallocate grows the memory in place; nil makes the guest's memory.grow
// return -1.
func (m *linearMemory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.refused = true
		return nil
	}
	b, err := m.region.commit(size)
	if err != nil {
		m.refused = true
		return nil
	}
	events.number(frame.Memory, size)
	return b
}

// Free does nothing: the process ends with its guest.
func (m *linearMemory) Free() {}

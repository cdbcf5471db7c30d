// Package hardware says what this machine has: CPU, memory, disk (SPEC §4.1), and cards
// with what their drivers tell of them.
// Cards are listed only when a self-test ran a job on them; simulated ones are
// given by the operator of a test network and flagged.
package hardware

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"
	"github.com/pbnjay/memory"

	"github.com/rerig/rerig/protocol"
)

// Detect reads the machine. dir is where jobs' scratch will be; its disk counts.
func Detect(dir string) (protocol.Hardware, error) {
	free, err := diskFree(dir)
	if err != nil {
		return protocol.Hardware{}, fmt.Errorf("free disk of %s: %w", dir, err)
	}
	name := strings.TrimSpace(cpuid.CPU.BrandName)
	if name == "" {
		name = runtime.GOARCH
	}
	if len(name) > protocol.MaxNameBytes {
		name = name[:protocol.MaxNameBytes]
	}
	return protocol.Hardware{
		CPU:       name,
		Cores:     uint16(min(runtime.NumCPU(), 1<<16-1)),
		MemoryMiB: mib(memory.TotalMemory()),
		DiskMiB:   mib(free),
		GPUs:      []protocol.GPU{},
	}, nil
}

func mib(bytes uint64) uint32 { return uint32(min(bytes>>20, 1<<32-1)) }

// ParseSimulated reads "RTX 3060:12GiB" or "2xRX 580:8GiB": a card that exists
// on a test network only.
func ParseSimulated(s string) (protocol.GPU, error) {
	bad := func(limit string) error {
		return &protocol.FieldError{Field: "simulated GPU", Limit: limit, Got: s}
	}
	g := protocol.GPU{Count: 1, Simulated: true}
	name, size, ok := strings.Cut(s, ":")
	if !ok {
		return g, bad(`[COUNTx]MODEL:VRAM such as "2xRTX 3060:12GiB"`)
	}
	if n, rest, ok := strings.Cut(name, "x"); ok {
		if count, err := strconv.ParseUint(n, 10, 8); err == nil {
			g.Count, name = uint8(count), rest
		}
	}
	gib, err := strconv.ParseUint(strings.TrimSuffix(size, "GiB"), 10, 16)
	if err != nil || gib == 0 || gib > 1024 {
		return g, bad("VRAM of 1 to 1024 GiB")
	}
	if name == "" || len(name) > protocol.MaxNameBytes || g.Count == 0 {
		return g, bad("a count of 1 to 255 and a model name")
	}
	g.Model, g.VRAMMiB = name, uint32(gib<<10)
	return g, nil
}

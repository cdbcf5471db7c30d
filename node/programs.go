package node

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/protocol"
)

// programs fetches what the engines run.
type programs struct {
	artifacts artifacts
}

// Fetch gets a module.
func (p *programs) Fetch(ctx context.Context, spec *protocol.JobSpec, from string) (provider.Program, func(), error) {
	unpin := p.artifacts.Pin(spec.Module)
	path, err := p.artifacts.Fetch(ctx, spec.Module, spec.ModuleSize, from)
	if err != nil {
		unpin()
		return provider.Program{}, nil, err
	}
	return provider.Program{Module: path, Args: append([]string{"module"}, spec.Args...), Env: spec.Env}, unpin, nil
}

// moduleSums remembers module hashes, so that a warm module is not read again.
type moduleSums struct {
	mu   sync.Mutex // guards sums; owner: moduleSums
	sums map[string][32]byte
}

// maxSums caps the remembered module hashes; past it they are forgotten together.
const maxSums = 4096

// of is the SHA-256 of the module with the CID, which is the file at path.
func (m *moduleSums) of(cid, path string) ([32]byte, error) {
	m.mu.Lock()
	sum, ok := m.sums[cid]
	m.mu.Unlock()
	if ok {
		return sum, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return sum, fmt.Errorf("read module: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, fmt.Errorf("read module: %w", err)
	}
	h.Sum(sum[:0])
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sums == nil || len(m.sums) >= maxSums {
		m.sums = map[string][32]byte{}
	}
	m.sums[cid] = sum
	return sum, nil
}

package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/node/image"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/protocol"
)

// programs fetches what the engines run: modules, and images, which it unpacks.
type programs struct {
	artifacts artifacts
	images    *image.Store // nil where no containers are run
}

// Fetch gets the module or image of a spec.
func (p *programs) Fetch(ctx context.Context, spec *protocol.JobSpec, from string) (provider.Program, func(), error) {
	if protocol.EngineFamily(spec.Engine) == protocol.EngineContainer {
		return p.container(ctx, spec, from)
	}
	unpin := p.artifacts.Pin(spec.Module)
	path, err := p.artifacts.Fetch(ctx, spec.Module, spec.ModuleSize, from)
	if err != nil {
		unpin()
		return provider.Program{}, nil, err
	}
	if spec.Engine == protocol.EngineModel {
		return provider.Program{Module: path, Args: spec.Args}, unpin, nil
	}
	return provider.Program{Module: path, Args: append([]string{"module"}, spec.Args...), Env: spec.Env}, unpin, nil
}

// container fetches an image's layout, of which blobs that another image brought are here
// already, and unpacks it.
func (p *programs) container(ctx context.Context, spec *protocol.JobSpec, from string) (provider.Program, func(), error) {
	id, err := peer.Decode(from)
	if err != nil {
		return provider.Program{}, nil, fmt.Errorf("peer ID: %w", err)
	}
	defer p.artifacts.Pin(spec.Module)()
	sources := artifact.From(id)
	sources.Find = spec.Public
	entries, err := p.artifacts.FetchTree(ctx, spec.Module, spec.ModuleSize, protocol.MaxImageFiles, sources)
	if err != nil {
		return provider.Program{}, nil, err
	}
	if spec.Public { // the next rig may fetch it here
		if err := p.artifacts.Publish(spec.Module); err != nil {
			return provider.Program{}, nil, err
		}
	}
	files := make(image.Files, len(entries))
	for _, e := range entries {
		defer p.artifacts.Pin(e.CID)()
		if path, ok := p.artifacts.Path(e.CID); ok {
			files[e.Path] = path
		}
	}
	root, err := p.images.Unpack(ctx, files)
	if err != nil {
		return provider.Program{}, nil, imageRefused(err)
	}
	program := provider.Program{Root: root.Path, Env: root.Program.Environ(spec.Env), WorkDir: root.Program.WorkDir,
		UID: root.Program.UID, GID: root.Program.GID}
	if program.Args, err = root.Program.Argv(spec.Args); err != nil {
		root.Release()
		return provider.Program{}, nil, imageRefused(err)
	}
	return program, root.Release, nil
}

// imageRefused tells the provider an image that is not good from a disk that is not.
func imageRefused(err error) error {
	var bad *image.BadImageError
	if errors.As(err, &bad) {
		return &provider.RefusedError{Err: err}
	}
	return err
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

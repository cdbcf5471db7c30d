package node

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/protocol"
)

// order turns local paths into CIDs.
func (n *Node) order(ctx context.Context, req *RunRequest) (*requester.Order, error) {
	spec := protocol.JobSpec{Version: protocol.Version, Kind: protocol.KindTask, Engine: cmp.Or(req.Engine, protocol.EngineWASM),
		Args: req.Args, Env: req.Env, Resources: req.Resources, Limits: req.Limits, Public: req.Public, Seed: req.Seed}
	fill := func(v *uint64, d uint64) {
		if *v == 0 {
			*v = d
		}
	}
	fill(&spec.Limits.RunMillis, defaultRunMillis)
	fill(&spec.Limits.StdoutBytes, defaultStdoutBytes)
	fill(&spec.Limits.OutputBytes, defaultOutputBytes)
	if spec.Limits.OutputFiles == 0 {
		spec.Limits.OutputFiles = defaultOutputFiles
	}
	key, err := sealFor(req, &spec)
	if err != nil {
		return nil, err
	}
	if spec.Module, spec.ModuleSize, err = n.addProgram(ctx, &spec, req.Module, key); err != nil {
		return nil, err
	}
	if len(req.Inputs) > protocol.MaxInputs {
		return nil, &protocol.FieldError{Field: "inputs", Limit: fmt.Sprintf("at most %d", protocol.MaxInputs), Got: fmt.Sprint(len(req.Inputs))}
	}
	for _, f := range req.Inputs {
		in := protocol.Input{Name: f.Name}
		if in.Name == "" {
			in.Name = filepath.Base(f.Path)
		}
		if in.CID, in.Size, err = n.addFile(ctx, f.Path, spec.Sealed.Has(protocol.SealedFiles), key); err != nil {
			return nil, fmt.Errorf("input %s: %w", in.Name, err)
		}
		spec.Inputs = append(spec.Inputs, in)
	}
	return &requester.Order{Name: req.Name, Spec: spec, Key: key, Unit: protocol.UnitCPUMillis, Budget: req.Budget,
		MaxPrice: req.MaxPrice, Region: req.Region, Rig: req.Rig, Retries: req.Retries}, nil
}

// addProgram keeps what a job runs: a module's file, or an image's layout.
func (n *Node) addProgram(ctx context.Context, spec *protocol.JobSpec, path string, key protocol.JobKey) (cid string, size uint64, err error) {
	if protocol.EngineFamily(spec.Engine) == protocol.EngineContainer {
		if cid, size, err = n.artifacts.AddDir(ctx, path, protocol.MaxImageBytes, protocol.MaxImageFiles); err != nil {
			return "", 0, fmt.Errorf("image: %w", err)
		}
		return cid, size, nil
	}
	if cid, size, err = n.addFile(ctx, path, spec.Sealed.Has(protocol.SealedModule), key); err != nil {
		return "", 0, fmt.Errorf("module: %w", err)
	}
	return cid, size, nil
}

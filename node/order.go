package node

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/protocol"
)

// order turns local paths into CIDs.
func (n *Node) order(ctx context.Context, req *RunRequest) (*requester.Order, error) {
	if req.Served != "" {
		return servedOrder(req)
	}
	spec := protocol.JobSpec{Version: protocol.Version, Kind: cmp.Or(req.Kind, protocol.KindTask), Engine: cmp.Or(req.Engine, protocol.EngineWASM),
		Args: req.Args, Env: req.Env, Resources: req.Resources, Limits: req.Limits, Public: req.Public, Seed: req.Seed,
		Egress: len(req.Hosts) > 0, Hosts: req.Hosts}
	if spec.Egress {
		spec.Env = proxyEnv(spec.Env)
	}
	fillLimits(&spec.Limits)
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
			in.Name = path.Base(cmp.Or(f.CID, filepath.ToSlash(f.Path)))
		}
		if in.CID, in.Size, err = n.addInput(ctx, f, spec.Sealed.Has(protocol.SealedFiles), key); err != nil {
			return nil, fmt.Errorf("input %s: %w", in.Name, err)
		}
		spec.Inputs = append(spec.Inputs, in)
	}
	return &requester.Order{Name: req.Name, Spec: spec, Key: key, Unit: spec.Resources.Unit(), Budget: req.Budget,
		MaxPrice: req.MaxPrice, Region: req.Region, Rig: req.Rig, Retries: req.Retries}, nil
}

// addInput keeps a local file, or fetches public content so that the rig has a source.
func (n *Node) addInput(ctx context.Context, f File, sealed bool, key protocol.JobKey) (cid string, size uint64, err error) {
	if f.CID == "" {
		return n.addFile(ctx, f.Path, sealed, key)
	}
	from := artifact.Sources{Find: true}
	if root, file, inside := strings.Cut(f.CID, "/"); inside {
		if f.CID, err = n.fileOf(ctx, root, file, from); err != nil {
			return "", 0, err
		}
	}
	local, err := n.artifacts.Fetch(ctx, f.CID, protocol.MaxInputBytes, from)
	if err != nil {
		return "", 0, err
	}
	if sealed {
		return n.addFile(ctx, local, true, key)
	}
	st, err := os.Stat(local)
	if err != nil {
		return "", 0, fmt.Errorf("fetched input: %w", err)
	}
	return f.CID, uint64(st.Size()), nil
}

// fileOf is the CID of a file in a directory, such as another job's outputs.
func (n *Node) fileOf(ctx context.Context, root, file string, from artifact.Sources) (string, error) {
	entries, err := n.artifacts.FetchTree(ctx, root, protocol.MaxInputBytes, protocol.MaxImageFiles, from)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(entries, func(e artifact.Entry) bool { return e.Path == file })
	if i < 0 {
		return "", fmt.Errorf("%s has no file %q", root, file)
	}
	return entries[i].CID, nil
}

// servedOrder is an order of a session with a served model. The rig has all that it needs.
func servedOrder(req *RunRequest) (*requester.Order, error) {
	if req.Engine != "" || req.Module != "" || req.Public || req.Private || len(req.Args)+len(req.Env)+len(req.Inputs) > 0 ||
		req.Resources != (protocol.Resources{}) || req.Kind == protocol.KindTask {
		return nil, &protocol.FieldError{Field: "served", Limit: "nothing beside it but name, limits, budget, max_price, region, rig and retries"}
	}
	spec := protocol.ServedSpec(req.Served, req.Limits)
	fillLimits(&spec.Limits)
	return &requester.Order{Name: req.Name, Spec: spec, Unit: protocol.UnitTokenOut, Budget: req.Budget,
		MaxPrice: req.MaxPrice, Region: req.Region, Rig: req.Rig, Retries: req.Retries}, nil
}

// fillLimits gives limits that are not set their defaults.
func fillLimits(l *protocol.Limits) {
	l.RunMillis = cmp.Or(l.RunMillis, defaultRunMillis)
	l.StdoutBytes = cmp.Or(l.StdoutBytes, defaultStdoutBytes)
	l.OutputBytes = cmp.Or(l.OutputBytes, defaultOutputBytes)
	l.OutputFiles = cmp.Or(l.OutputFiles, defaultOutputFiles)
}

// addProgram keeps what a job runs: a module's file, or an image's layout.
func (n *Node) addProgram(ctx context.Context, spec *protocol.JobSpec, path string, key protocol.JobKey) (cid string, size uint64, err error) {
	if protocol.EngineFamily(spec.Engine) == protocol.EngineContainer {
		if cid, size, err = n.artifacts.AddDir(ctx, path, protocol.MaxImageBytes, protocol.MaxImageFiles); err != nil {
			return "", 0, fmt.Errorf("image: %w", err)
		}
		return cid, size, nil
	}
	if protocol.CheckCID("module", path) == nil { // of an earlier job, to run it again
		if path, err = n.artifacts.Fetch(ctx, path, protocol.MaxModelBytes, artifact.Sources{Find: true}); err != nil {
			return "", 0, fmt.Errorf("module: %w", err)
		}
	}
	if cid, size, err = n.addFile(ctx, path, spec.Sealed.Has(protocol.SealedModule), key); err != nil {
		return "", 0, fmt.Errorf("module: %w", err)
	}
	return cid, size, nil
}

package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/protocol/seal"
)

// sameRequest is an order of the same spec. What was sealed is of the user's files again, and
// unheld names the first of those: its key is gone, and nothing tells whether they are the same.
func (a *app) sameRequest(ctx context.Context, s *session, v *verifyFlags, job *node.JobView) (req *node.RunRequest, unheld string, err error) {
	spec := job.Spec
	req = &node.RunRequest{Name: "verify " + job.Job.ID.Short(), Kind: spec.Kind, Engine: spec.Engine, Module: spec.Module, Args: spec.Args,
		Env: spec.Env, Resources: spec.Resources, Limits: spec.Limits, Public: spec.Public, Private: spec.Sealed.Has(protocol.SealedModule), Seed: spec.Seed}
	if v.timeout > 0 {
		req.Limits.RunMillis = uint64(v.timeout.Milliseconds())
	}
	if path, ok := artifact.FileIn(filepath.Join(s.info.DataDir, "artifacts"), spec.Module); ok && !req.Private {
		req.Module = path
	}
	switch {
	case v.module != "":
		if req.Module, err = sameFile(ctx, "--module", v.module, spec.Module, req.Private); err != nil {
			return nil, "", err
		}
		if req.Private {
			unheld = "the module"
		}
	case req.Private:
		return nil, "", usage("the module was sealed and not kept; give it again with --module FILE")
	}
	given := map[string]string{}
	for _, text := range v.inputs {
		path, name := splitInput(text)
		given[cmp.Or(name, filepath.Base(path))] = path
	}
	sealed := spec.Sealed.Has(protocol.SealedFiles)
	for _, in := range spec.Inputs {
		f, err := a.sameInput(ctx, s, in, given[in.Name], sealed)
		if err != nil {
			return nil, "", err
		}
		if sealed && given[in.Name] != "" {
			unheld = cmp.Or(unheld, "the input "+clipText(in.Name, 80))
		}
		req.Inputs = append(req.Inputs, f)
		delete(given, in.Name)
	}
	for name := range given {
		return nil, "", usage("--input: the run had no input %s", clipText(name, 80))
	}
	return req, unheld, nil
}

// sameFile is the whole path of a file that is given again. What was not sealed has its name.
func sameFile(ctx context.Context, flag, path, want string, sealed bool) (string, error) {
	if err := readable(flag, path); err != nil {
		return "", err
	}
	full, err := filepath.Abs(path)
	if err != nil || sealed {
		return full, err
	}
	got, err := artifact.FileCID(ctx, full)
	if err != nil {
		return "", err
	}
	if got != want {
		return "", usage("%s %s: it is %s, and the run had %s", flag, path, got, want)
	}
	return full, nil
}

// sameInput is one input again: the file that was given, public content, or what Rerig brings.
func (a *app) sameInput(ctx context.Context, s *session, in protocol.Input, given string, sealed bool) (f node.File, err error) {
	f.Name = in.Name
	size := in.Size
	if sealed {
		if size, err = seal.PlainSize(in.Size); err != nil {
			return f, err
		}
	}
	switch {
	case given != "":
		if f.Path, err = sameFile(ctx, "--input", given, in.CID, sealed); err != nil {
			return f, err
		}
		if info, err := os.Stat(given); err != nil || uint64(info.Size()) != size {
			return f, usage("--input %s: it is not the file that the run had, which has %d bytes", clipText(in.Name, 80), size)
		}
	case !sealed:
		f.CID = in.CID
	case in.Name == "jargon.gguf" && size == uint64(len(jargon.GGUF())):
		f.Path, err = builtin(s.info.DataDir, in.Name, jargon.GGUF())
	default:
		err = usage("the input %s was sealed and not kept; give it again with --input FILE=%s", clipText(in.Name, 80), clipText(in.Name, 80))
	}
	return f, err
}

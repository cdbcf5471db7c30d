package main

import (
	"fmt"
	"path/filepath"

	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// modelRequest makes the request one of a language model: a file, or the one that this
// binary brings.
func (a *app) modelRequest(dataDir string, r *runFlags, req *node.RunRequest) (err error) {
	if len(r.env) > 0 {
		return usage("--env: a model has no environment")
	}
	for _, in := range req.Inputs {
		if in.Name == protocol.ModelFile || in.Name == "" && filepath.Base(in.Path) == protocol.ModelFile {
			return usage("--input %s: the model itself has that name in the job; give FILE=NAME", protocol.ModelFile)
		}
	}
	req.Engine, req.Resources.CPUs = protocol.EngineModel, r.cpus
	if r.model == "jargon" {
		req.Module, err = builtin(dataDir, "jargon.gguf", jargon.GGUF)
		return err
	}
	if err := readable("--model", r.model); err != nil {
		return fmt.Errorf("%w; a model is a .gguf file, or jargon", err)
	}
	if req.Module, err = filepath.Abs(r.model); err != nil { // the node has another working directory
		return fmt.Errorf("--model: %w", err)
	}
	return nil
}

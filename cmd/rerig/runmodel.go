package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// besideMiB is what a model needs beside its file and a quarter of it, unless told otherwise.
const besideMiB = 512

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
		req.Module, err = builtin(dataDir, "jargon.gguf", jargon.GGUF())
	} else if err = readable("--model", r.model); err != nil {
		err = fmt.Errorf("%w; a model is a .gguf file, or jargon", err)
	} else {
		req.Module, err = filepath.Abs(r.model) // the node has another working directory
	}
	if err != nil || r.memory > 0 {
		return err
	}
	info, err := os.Stat(req.Module)
	if err != nil {
		return fmt.Errorf("--model: %w", err)
	}
	req.Resources.MemoryMiB = uint32(min(info.Size()>>20*5/4+besideMiB, protocol.MaxHeldBytes>>20))
	return nil
}

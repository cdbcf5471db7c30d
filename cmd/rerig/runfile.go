package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/jobfile"
	"github.com/rerig/rerig/transfer"
)

// fromFile fills what the command line leaves open from a job file. Paths in the file
// are as seen from its directory, and so is what it writes.
func (r *runFlags) fromFile(c *cobra.Command, args []string) (module string, rest []string, err error) {
	f, err := jobfile.Read(r.file)
	if err != nil {
		return "", nil, &exitError{exitUsage, err}
	}
	given := c.Flags().Changed
	near := func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(filepath.Dir(r.file), path)
	}
	if err := r.takeWhat(f, given, near); err != nil {
		return "", nil, err
	}
	r.takeLimits(f, given)
	if !given("input") {
		for _, in := range f.Inputs {
			path := in.Path
			if !transfer.Remote(path) && !isCID(path) {
				path = near(path)
			}
			if in.Name != "" {
				path += "=" + in.Name
			}
			r.inputs = append(r.inputs, path)
		}
	}
	if !given("env") {
		r.env = f.Env
	}
	if !given("out-dir") && f.OutDir != "" {
		if r.outDir = f.OutDir; !transfer.Remote(r.outDir) {
			r.outDir = near(r.outDir)
		}
	}
	if len(args) > 0 { // the command line's arguments take the place of the file's
		return f.Module, args, nil
	}
	for _, a := range f.Args {
		rest = append(rest, string(a))
	}
	return f.Module, rest, nil
}

// takeWhat takes what is run, and as how many tasks.
func (r *runFlags) takeWhat(f *jobfile.File, given func(string) bool, near func(string) string) error {
	if given("image") || given("model") {
		return usage("--file says what is run: leave out --image and --model")
	}
	r.image, r.model = f.Image, f.Model
	for _, path := range []*string{&r.image, &r.model, &f.Module} { // a name, or a file beside the job's
		if at := near(*path); *path != "" && exists(at) {
			*path = at
		}
	}
	if !given("array") {
		r.array = f.Array
	}
	if !given("matrix") {
		r.axes = f.Matrix
	}
	if !given("parallel") && f.Parallel > 0 {
		r.parallel = f.Parallel
	}
	return nil
}

// takeLimits takes what is one flag for one key.
func (r *runFlags) takeLimits(f *jobfile.File, given func(string) bool) {
	texts := []struct {
		flag  string
		value string
		to    *string
	}{{"name", f.Name, &r.name}, {"budget", string(f.Budget), &r.budget}, {"max-price", f.MaxPrice, &r.maxPrice},
		{"held-by", f.HeldBy, &r.held}, {"region", f.Region, &r.region}, {"rig", f.Rig, &r.rig}, {"seed", string(f.Seed), &r.seed}}
	for _, t := range texts {
		if t.value != "" && !given(t.flag) {
			*t.to = t.value
		}
	}
	if f.Timeout != "" && !given("timeout") {
		r.timeout, _ = time.ParseDuration(f.Timeout) // the schema has its form; what is too long is told of with the flag
	}
	if f.Checkpoint != "" && !given("checkpoint") {
		r.keep, _ = time.ParseDuration(f.Checkpoint) // as above
	}
	if !given("memory") {
		r.memory = f.MemoryMiB
	}
	if !given("disk") {
		r.disk = f.DiskMiB
	}
	if !given("cpus") {
		r.cpus = f.CPUs
	}
	if !given("gpus") {
		r.cards.gpus = f.GPUs
	}
	if !given("vram") {
		r.cards.vram = f.VRAM
	}
	if !given("public") {
		r.public = f.Public
	}
	if !given("private") {
		r.private = f.Private
	}
	if f.Retries != nil && !given("retries") {
		r.retries = *f.Retries
	}
}

// task is the command's flags with one task's values filled in.
func (r *runFlags) task(v jobfile.Values) *runFlags {
	t := *r
	t.name, t.outDir = v.Fill(r.name), v.Fill(r.outDir)
	t.inputs = slices.Clone(r.inputs)
	t.env = slices.Clone(r.env)
	for _, list := range [][]string{t.inputs, t.env} {
		for i := range list {
			list[i] = v.Fill(list[i])
		}
	}
	return &t
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

func (a *app) runCmd() *cobra.Command {
	var r runFlags
	c := &cobra.Command{
		Use: "run [flags] {MODULE [-- ARGS…] | --image IMAGE [-- COMMAND ARGS…] | --model FILE -- [chat|complete] PROMPT}", Short: "Buy a run of a WASM module, a container or a language model",
		Long: runHelp, Example: runExamples,
		Args: func(cmd *cobra.Command, args []string) error { return r.checkArgs(cmd.ArgsLenAtDash(), args) },
		RunE: func(cmd *cobra.Command, args []string) error { return a.runArgs(cmd, &r, args) },
	}
	r.register(c.Flags())
	return c
}

// runArgs takes what is run from the file, the flags or the arguments.
func (a *app) runArgs(cmd *cobra.Command, r *runFlags, args []string) error {
	if r.file != "" {
		module, rest, err := r.fromFile(cmd, args)
		if err != nil {
			return err
		}
		return a.run(cmd.Context(), r.asService(cmd), module, rest)
	}
	if r.image != "" || r.model != "" {
		return a.run(cmd.Context(), r.asService(cmd), "", args)
	}
	return a.run(cmd.Context(), r, args[0], args[1:])
}

// maxParallel is how many tasks of an array are bought at once, at most.
const maxParallel = 256

// run buys the run and follows it to its end.
func (a *app) run(ctx context.Context, r *runFlags, module string, args []string) error {
	p := a.progress()
	s, err := a.openToPay(ctx, p)
	if err != nil {
		return networkError(err)
	}
	err = a.runWith(ctx, s, r, module, args, p)
	return errors.Join(err, s.Close())
}

func (a *app) runWith(ctx context.Context, s *session, r *runFlags, module string, args []string, p *progress) error {
	if err := checkOut(r.outDir); err != nil {
		return err
	}
	if r.parallel < 1 || r.parallel > maxParallel {
		return usage("--parallel: 1 to %d, got %d", maxParallel, r.parallel)
	}
	if len(r.ports) > 0 && (r.gang != 0 || r.many()) {
		return usage("--publish: of one container at a time; leave --gang, --array and --matrix out")
	}
	if err := r.checkDetach(s); err != nil {
		return err
	}
	if r.gang != 0 {
		return a.runGang(ctx, s, r, args, p)
	}
	if r.many() {
		return a.runMany(ctx, s, r, module, args, p)
	}
	req, err := a.runRequest(ctx, s, r, module, args)
	if err != nil {
		return err
	}
	if r.dryRun {
		return a.dryRun(ctx, s, req)
	}
	ports, err := publish(ctx, r.ports, p)
	if err != nil {
		return err
	}
	defer unpublish(ports)
	st, err := s.Submit(ctx, req)
	if err != nil {
		var no *node.APIError
		if errors.As(err, &no) { // the node found something wrong with the request
			return err
		}
		return networkError(err)
	}
	switch {
	case r.submit:
		return a.submitted(ctx, s, st, p)
	case r.detach:
		p.line("the run goes on in the node; `rerig wait`, `logs -f`, `cp` and `stop` take its ID")
		return a.printID(st.ID, st)
	}
	st, err = a.followService(ctx, s, st, ports, p)
	if errors.Is(err, errLeft) {
		a.left("run", st.ID.Short(), p)
		return nil
	}
	if err != nil {
		return networkError(err)
	}
	return a.runEnd(ctx, s, st, outDir(r), p)
}

// runRequest checks the flags and resolves the module and its inputs.
func (a *app) runRequest(ctx context.Context, s *session, r *runFlags, module string, args []string) (*node.RunRequest, error) {
	req := &node.RunRequest{Name: r.name, Args: args, Env: r.env, Region: r.region, Retries: r.retries, Public: r.public, Private: r.private}
	req.Resources.MemoryMiB = r.memory
	if r.timeout < time.Millisecond || r.timeout > protocol.MaxRunTime {
		return nil, usage("--timeout: 1ms to %v, got %v", protocol.MaxRunTime, r.timeout)
	}
	if len(r.ports) > 0 {
		if r.image == "" {
			return nil, usage("--publish: of a container that listens; give --image")
		}
		req.Kind = protocol.KindService
	}
	req.Limits.RunMillis = uint64(r.timeout.Milliseconds())
	if r.keep != 0 && (r.keep < protocol.MinCheckpoint || r.keep > protocol.MaxRunTime) {
		return nil, usage("--checkpoint: %v to %v, got %v", protocol.MinCheckpoint, protocol.MaxRunTime, r.keep)
	}
	req.Limits.CheckpointMillis = uint64(r.keep.Milliseconds())
	var err error
	if req.Budget, err = s.money.parse("budget", r.budget); err != nil {
		return nil, err
	}
	if req.Budget.IsZero() {
		return nil, usage("--budget: more than 0")
	}
	if r.maxPrice != "" {
		if req.MaxPrice, err = s.money.rate("max-price", r.maxPrice); err != nil {
			return nil, err
		}
	}
	if r.rig != "" {
		if req.Rig, err = protocol.ParseAddress(strings.ToLower(r.rig)); err != nil {
			return nil, usage("--rig: %w; `rerig market ls` lists them", err)
		}
	}
	if r.seed != "" {
		req.Seed = protocol.Keccak([]byte(r.seed))
	}
	for _, kv := range r.env {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" {
			return nil, usage("--env: KEY=VALUE, got %q", kv)
		}
	}
	if req.Inputs, err = a.inputs(ctx, r.inputs); err != nil {
		return nil, err
	}
	if err := r.cardRequest(req); err != nil {
		return nil, err
	}
	if r.image != "" {
		return req, a.containerRequest(r, req)
	}
	if len(r.egress) > 0 {
		return nil, usage("--egress: of a container; give --image")
	}
	if r.held != "" || r.cpus > 1 && r.model == "" || r.disk > 0 {
		return nil, usage("--held-by, --cpus and --disk are of containers: give --image, or leave them out")
	}
	if r.model != "" {
		return req, a.modelRequest(s.info.DataDir, r, req)
	}
	return req, a.resolve(s.info.DataDir, module, req)
}

// containerRequest makes the request one of a container.
func (a *app) containerRequest(r *runFlags, req *node.RunRequest) (err error) {
	req.Engine, req.Resources.CPUs, req.Resources.DiskMiB = protocol.EngineContainer, r.cpus, r.disk
	switch r.held {
	case "":
	case node.HeldByGvisor, node.HeldByNamespaces, node.HeldByDocker:
		req.Engine += ":" + r.held
	default:
		return usage("--held-by: gvisor, namespaces or docker, got %q", r.held)
	}
	for _, host := range r.egress {
		if err := protocol.CheckHost("--egress", host); err != nil {
			return usage("%w", err)
		}
	}
	req.Hosts = r.egress
	req.Module, err = a.imageLayout(r.image)
	return err
}

func networkError(err error) error {
	var exit *exitError
	if errors.As(err, &exit) {
		return err
	}
	return &exitError{exitNetwork, err}
}

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
		Long: `Buy a run of a WASM module (WASI preview 1) on the cheapest rig that fits. MODULE is a
.wasm file, or one that Rerig brings: lm continues a text with a small language
model, thumb makes a thumbnail of a picture. With --image it is a container instead:
IMAGE is one of ` + "`rerig image ls`" + ` or an OCI image on disk, and COMMAND replaces its own.
With --model it is a language model: FILE is a GGUF file, or jargon, a small one that
Rerig brings. It answers PROMPT, with -n TOKENS, --temperature, --top-k, --top-p,
--seed, --stop, --system and --context after the --; or, with --jsonl NAME, each line of the
input NAME, an OpenAI batch, to answers.jsonl. It exits with 1 when an answer broke off,
2 for wrong arguments and 3 when it refuses a request.

The program sees its inputs in /in, and what it leaves in /out is written next to
the first input, or to --out-dir. Its standard output and error are this command's
(with -o json, standard output is the run's record; rerig logs has the job's).
--publish makes the container a service, which runs until Ctrl-C, for at most a day unless
--timeout says less, and leads a port of this machine to one of its own.
--detach leaves the run to the node that runs in the data directory and prints its ID.
--budget is a cap that the payment channel enforces. --array and --matrix buy many
tasks, which share the budget evenly: output comes in their order, files go to
--out-dir/INDEX, and one that fails does not stop the others.
--gang runs a container on several rigs at once, joined by a private link: rank r is
10.77.0.(r+1) to the others, RERIG_RANK, RERIG_WORLD and RERIG_PEERS say so, and so do
torch's MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE. Lines begin with [RANK], files go
to --out-dir/RANK, the ranks share the budget, and one that fails stops all. Ctrl-C stops the job, and what
was done by then is paid for.

The exit code is the program's own. Where it did not end by itself, standard error
has the reason, and the exit code is
  123  the budget is used up: --budget       126  MODULE or FILE cannot be loaded
  124  the time is over: --timeout           134  the program trapped
  130  stopped                               137  too little memory: --memory
  125  the network or the escrow failed      153  the program wrote too much`,
		Example: `  rerig run lm -- -n 40 "A hacker is"
  rerig run -i holiday.jpg thumb -- --size 200
  rerig run --model jargon -- complete -n 20 "A hacker is"
  rerig run --matrix size=100,200,400 -i holiday.jpg --out-dir small thumb -- --size {size}
  rerig run --file job.yaml --array 50
  rerig run --gang 2 --image train -- python3 /train.py
  rerig run --image web -p 8080:80
  rerig run --image cuda --gpus 1 --vram 6GiB -- nvidia-smi
  rerig run --dry-run --max-price 0.05/h my.wasm`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch dash := cmd.ArgsLenAtDash(); {
			case r.file != "" && dash != 0 && len(args) > 0:
				return usage("unexpected argument %q; with --file the job's arguments come after --", args[0])
			case r.file != "":
				return nil
			case r.image != "" && r.model != "":
				return usage("--image and --model: give one of them")
			case r.private && (r.public || r.image != ""):
				return usage("--private is for a module or a model of your own, which is not --public; an image's layers are shared")
			case r.model != "" && dash > 0:
				return usage("unexpected argument %q; with --model the prompt comes after --", args[0])
			case r.model != "" && len(args) == 0 && !r.dryRun:
				return usage("the prompt is missing: -- \"PROMPT\", or -- --jsonl NAME with --input")
			case r.image != "" && dash > 0:
				return usage("unexpected argument %q; with --image the container's command comes after --", args[0])
			case r.image != "" || r.model != "":
				return nil
			case len(args) == 0 || dash == 0:
				return usage("MODULE is missing; see `rerig run --help`")
			case len(args) > 1 && dash != 1:
				return usage("unexpected argument %q; the module's arguments come after --", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
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
			return a.run(cmd.Context(), &r, args[0], args[1:])
		},
	}
	r.register(c.Flags())
	return c
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
	if r.detach {
		return a.detached(st, p)
	}
	if st, err = a.followService(ctx, s, st, ports, p); err != nil {
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

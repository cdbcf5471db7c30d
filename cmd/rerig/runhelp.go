package main

// runHelp and runExamples are what `rerig run --help` says before the flags.
const (
	runHelp = `Buy a run of a WASM module (WASI preview 1) on the cheapest rig that fits. MODULE is a
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
--out-dir/INDEX, and one that fails does not stop the others. With --detach the whole has
one ID, and goes on even if the node ends and is started again.
--gang runs a container on several rigs at once, joined by a private link: rank r is
10.77.0.(r+1) to the others, RERIG_RANK, RERIG_WORLD and RERIG_PEERS say so, and so do
torch's MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE. Lines begin with [RANK], files go
to --out-dir/RANK, the ranks share the budget, and one that fails stops all. Ctrl-C stops the job, and what
was done by then is paid for; on a terminal, where a node runs already, it asks first
whether to stop the job or to leave it to the node.

The exit code is the program's own. Where it did not end by itself, standard error
has the reason, and the exit code is
  123  the budget is used up: --budget       126  MODULE or FILE cannot be loaded
  124  the time is over: --timeout           134  the program trapped
  130  stopped                               137  too little memory: --memory
  125  the network or the escrow failed      153  the program wrote too much`

	runExamples = `  rerig run lm -- -n 40 "A hacker is"
  rerig run -i holiday.jpg thumb -- --size 200
  rerig run --model jargon -- complete -n 20 "A hacker is"
  rerig run --matrix size=100,200,400 -i holiday.jpg --out-dir small thumb -- --size {size}
  rerig run --file job.yaml --array 50
  rerig run --gang 2 --image train -- python3 /train.py
  rerig run --image web -p 8080:80
  rerig run --image cuda --gpus 1 --vram 6GiB -- nvidia-smi
  rerig run --dry-run --max-price 0.05/h my.wasm`
)

// checkArgs refuses arguments in the wrong place; those from dash on came after "--", and
// dash is -1 where there was none.
func (r *runFlags) checkArgs(dash int, args []string) error {
	switch {
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
}

package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/rerig/rerig/jobfile"
)

// runFlags are the flags of `rerig run` and `rerig submit`.
type runFlags struct {
	inputs   []string
	env      []string
	budget   string
	maxPrice string
	timeout  time.Duration
	memory   uint32
	region   string
	rig      string
	retries  int
	name     string
	seed     string
	public   bool
	private  bool
	keep     time.Duration // between checkpoints
	dryRun   bool
	outDir   string
	image    string
	model    string
	held     string
	cpus     uint16
	disk     uint32
	cards    cardFlags
	ports    []string
	detach   bool
	submit   bool // wait until a rig has agreed, as `rerig submit` does

	file     string
	array    int
	matrix   []string
	axes     []jobfile.Axis // of the file
	parallel int
	failFast bool
	gang     int
	egress   []string
}

// register adds all flags of `rerig run`.
func (r *runFlags) register(f *pflag.FlagSet) {
	r.registerJob(f)
	f.BoolVar(&r.dryRun, "dry-run", false, "show offers and prices, spend nothing")
	f.BoolVarP(&r.detach, "detach", "d", false, "leave the run to the node that runs already, and print its ID")
	f.StringArrayVarP(&r.ports, "publish", "p", nil, "make the container a service and lead `[IP:][PORT:]PORT` of this machine (127.0.0.1) to its port, as in 8080:80; may be repeated")
}

// registerJob adds the flags that say what is bought.
func (r *runFlags) registerJob(f *pflag.FlagSet) {
	f.StringArrayVarP(&r.inputs, "input", "i", nil, "`file[=name]` for the job's /in: a path, an https:// or s3:// URL, or CID[/FILE] of public content; may be repeated")
	f.StringArrayVarP(&r.env, "env", "e", nil, "`KEY=VALUE` for the job; may be repeated")
	f.StringVar(&r.budget, "budget", "0.1", "most that it may cost, in the network's token")
	f.StringVar(&r.maxPrice, "max-price", "", "highest `price` of a CPU hour, or with --gpus of a card's, such as 0.06/h")
	f.DurationVar(&r.timeout, "timeout", 10*time.Minute, "run time `limit`")
	f.Uint32Var(&r.memory, "memory", 0, "`MiB` that the module needs (default of a model: its size and more)")
	f.StringVar(&r.region, "region", "", "only rigs of this region")
	f.StringVar(&r.rig, "rig", "", "only the rig with this `address`")
	f.IntVar(&r.retries, "retries", 2, "further rigs tried when one fails")
	f.StringVar(&r.name, "name", "", "`name` for `rerig ps`")
	f.StringVar(&r.seed, "seed", "", "`text` that the module's randomness derives from")
	f.BoolVar(&r.public, "public", false, "let anybody fetch the outputs by their CID")
	f.BoolVar(&r.private, "private", false, "send a module or model of your own sealed, so that the rig keeps nothing readable")
	f.DurationVar(&r.keep, "checkpoint", 0, "look that often for a new /out/checkpoint; when a rig fails the next one has it as /in/checkpoint")
	f.StringVar(&r.outDir, "out-dir", "", "`directory` for the output files, or s3://BUCKET/PREFIX")
	f.StringVar(&r.image, "image", "", "container `image` to run instead of a module")
	f.StringVar(&r.model, "model", "", "GGUF `file` of a language model to ask instead of a module, or jargon")
	f.StringVar(&r.held, "held-by", "", "`sandbox` that must hold the container: gvisor, namespaces or docker (default any)")
	f.Uint16Var(&r.cpus, "cpus", 0, "`cores` of a container or a model (default 1)")
	f.Uint32Var(&r.disk, "disk", 0, "`MiB` that a container may write outside /out")
	r.cards.register(f, "a container")
	f.StringVarP(&r.file, "file", "f", "", "job `file` (YAML) that says all this; other flags override it")
	f.IntVar(&r.array, "array", 0, "buy so many `tasks`, with {index} from 0 in arguments, -e, -i, --name and --out-dir")
	f.StringArrayVar(&r.matrix, "matrix", nil, "a task for each of `KEY=VALUE,VALUE…`, with {KEY}; may be repeated")
	f.IntVar(&r.parallel, "parallel", 16, "`tasks` at once")
	f.IntVar(&r.gang, "gang", 0, "run the container on so many `rigs` at once, which reach each other's TCP ports and nothing else")
	f.StringArrayVar(&r.egress, "egress", nil, "`HOST:PORT` that the container may reach, through the proxy that HTTPS_PROXY names; may be repeated")
	f.BoolVar(&r.failFast, "fail-fast", false, "stop all tasks when one has failed")
}

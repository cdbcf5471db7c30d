// Command bench measures what a job costs on Rerig (issue: "Measured"). It brings
// up a whole network in one process, sends jobs through the public client as a user
// would, and writes bench/results.json and the tables of docs/bench.md. `make bench`
// runs it from the repository's root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"time"
)

// options are the flags.
type options struct {
	scale   float64       // of the number of jobs
	idle    time.Duration // before memory is read
	rest    time.Duration // while processor and line are measured
	binary  string
	slim    string
	profile string
	dry     bool
	verbose bool
}

func main() {
	var o options
	flag.Float64Var(&o.scale, "scale", 1, "`factor` on the number of jobs")
	flag.DurationVar(&o.idle, "idle", 30*time.Second, "how long the idle node rests; 0 leaves it out")
	flag.DurationVar(&o.rest, "rest", 5*time.Minute, "how long what the idle node takes is measured; 0 leaves it out")
	flag.StringVar(&o.binary, "binary", "build/rerig", "the built binary")
	flag.StringVar(&o.slim, "nogvisor", "build/rerig-nogvisor", "the binary built without gVisor")
	flag.StringVar(&o.profile, "cpuprofile", "", "`file` for a CPU profile of the runs with eight in flight")
	flag.BoolVar(&o.dry, "dry", false, "print the results and write no file")
	flag.BoolVar(&o.verbose, "v", false, "log what the nodes do")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(run(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run measures everything, the cheapest first, and writes it down.
func run(ctx context.Context, o options) error {
	res := results{}
	before := loadAverage()
	if err := errors.Join(gas(res, "contracts/gas.txt"), gas(res, "contracts/scale.txt"), gasNames(res), vouchers(res), control(res),
		binarySize(res, "binary_mb", o.binary), binarySize(res, "binary_nogvisor_mb", o.slim)); err != nil {
		return err
	}
	if err := errors.Join(sandboxes(ctx, res), fetches(ctx, res), governorFigures(ctx, res), jobs(ctx, o, res)); err != nil {
		return err
	}
	res["load_average_before"], res["load_average_after"] = before, loadAverage()
	if o.dry {
		return res.print(os.Stdout)
	}
	fmt.Println(res.tables())
	return errors.Join(res.write("bench/results.json"), res.document("docs/bench.md"))
}

// jobs measures dispatch and the idle node on a network of its own.
func jobs(ctx context.Context, o options, res results) error {
	dir, err := os.MkdirTemp("", "rerig-bench-")
	if err != nil {
		return fmt.Errorf("make a directory for the network: %w", err)
	}
	defer os.RemoveAll(dir)
	level := slog.LevelError
	if o.verbose {
		level = slog.LevelDebug
	}
	f, err := bringUp(ctx, dir, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	if err != nil {
		return err
	}
	err = f.measure(ctx, o, res)
	if err == nil && o.idle > 0 {
		err = f.idle(ctx, o, res)
	}
	if err == nil {
		err = f.restart(ctx, o, res)
	}
	return errors.Join(err, f.net.Close())
}

// profiled runs f under the CPU profiler when a file is named.
func profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return errors.Join(err, out.Close())
	}
	err = f()
	pprof.StopCPUProfile()
	return errors.Join(err, out.Close())
}

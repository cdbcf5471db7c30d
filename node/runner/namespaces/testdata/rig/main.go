// Command rig is the static binary of this package's tests: a sandbox, what is killed
// beside one, and a rig of a user that is not root.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/conformance/rig"
	"github.com/rerig/rerig/node/runner/namespaces"
)

func main() {
	if namespaces.Main() {
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "one-job" {
		if err := oneJob(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	rig.Main(func(string) (runner.Engine, error) {
		parent, err := cgroup.Open("nstest")
		if err != nil {
			return nil, err
		}
		return namespaces.New(namespaces.Config{Parent: parent})
	})
}

// report is how a job went, for the test.
type report struct {
	Caps   runner.Caps
	Result runner.Result
	Output string
	Paused string // what Pause said
}

// oneJob runs one job without control groups. One that computes is stopped when enough is
// on its bill.
func oneJob(order string) error {
	var s runner.Spec
	if err := json.Unmarshal([]byte(order), &s); err != nil {
		return err
	}
	computes := slices.Contains(s.Args, "forkburn")
	e, err := namespaces.New(namespaces.Config{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	<-e.Started()
	var r report
	if r.Caps, err = e.Probe(ctx); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	var out bytes.Buffer
	j, err := e.Start(ctx, s, &out, &out)
	if err != nil {
		return err
	}
	r.Paused = fmt.Sprint(j.Pause())
	if computes {
		if err := j.WaitUsage(ctx, 50); err != nil {
			return fmt.Errorf("wait for its bill: %w", err)
		}
		j.Stop()
	}
	if r.Result, err = j.Wait(); err != nil {
		return err
	}
	r.Output = out.String()
	return json.NewEncoder(os.Stdout).Encode(r)
}

package docker

import (
	"os"

	"github.com/rerig/rerig/node/runner"
)

// Output opens a file of the job's outputs as it is now.
func (j *Job) Output(name string) (*os.File, error) { return runner.OpenOutput(j.spec.OutDir, name) }

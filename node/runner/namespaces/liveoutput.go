//go:build linux

package namespaces

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/rerig/rerig/node/runner"
)

// Output opens a file of the job's /out as it is now.
func (j *Job) Output(name string) (*os.File, error) {
	j.outLock.Lock()
	defer j.outLock.Unlock()
	if j.outTop == nil {
		return nil, fmt.Errorf("open output %q: %w", name, fs.ErrNotExist)
	}
	return runner.OpenOutput(fmt.Sprintf("/proc/self/fd/%d/.", j.outTop.Fd()), name)
}

// closeOutput gives the job's /out back.
func (j *Job) closeOutput() {
	j.outLock.Lock()
	defer j.outLock.Unlock()
	if j.outTop != nil {
		j.outTop.Close()
		j.outTop = nil
	}
}

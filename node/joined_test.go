package node

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
)

// keptJob is a job with one file in its outputs.
type keptJob struct {
	runner.Job
	dir string
}

func (j keptJob) Output(name string) (*os.File, error) { return os.Open(filepath.Join(j.dir, name)) }

// TestWrappersShowOutputs: whatever a job has beside it, cards or a network, its checkpoints
// are found.
func TestWrappersShowOutputs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "checkpoint"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	job := keptJob{dir: dir}
	cards := holding(job, 1, func() error { return nil }, slog.New(slog.DiscardHandler))
	for name, r := range map[string]provider.Run{"alone": sandboxed{job}, "with cards": cards,
		"with a network": linked{sandboxed{job}, &joined{}}, "with both": linked{cards, &joined{}}} {
		files, ok := r.(provider.Outputs)
		if !ok {
			t.Errorf("%s: its outputs are hidden", name)
			continue
		}
		f, err := files.Output("checkpoint")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f.Close()
	}
	if _, err := (failed{}).Output("checkpoint"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a job that never ran has an output: %v", err)
	}
}

package requester

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/protocol"
)

// evidenceFile is its name in a run's directory.
const evidenceFile = "evidence"

// keep writes the evidence of the attempt that has a result (SPEC §7.8), and removes that of
// an earlier one.
func (r *Run) keep(e *protocol.Evidence, job protocol.Hash) error {
	path := filepath.Join(r.dir, evidenceFile)
	if e.Empty() {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("keep the evidence: %w", err)
		}
		return nil
	}
	e.Job = job
	b, err := protocol.Encode(e)
	if err == nil {
		err = os.MkdirAll(r.dir, 0o700)
	}
	if err == nil { // not synced: after a power cut that takes it, a check cannot tell, and nothing else is lost
		if err = os.WriteFile(path+".new", b, 0o600); err == nil {
			err = os.Rename(path+".new", path)
		}
	}
	if err != nil {
		return fmt.Errorf("keep the evidence: %w", err)
	}
	return nil
}

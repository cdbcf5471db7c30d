package docker

import (
	"fmt"
	"io"

	"github.com/rerig/rerig/node/runner"
)

// taking is the receipt of a job's output files, by a goroutine of its own between begin and
// close.
type taking struct {
	spec   *runner.Spec
	pipe   *io.PipeWriter // nil before begin
	done   chan struct{}  // closed by the goroutine
	failed *runner.Failure
}

func newTaking(s *runner.Spec) *taking { return &taking{spec: s, done: make(chan struct{})} }

// begin starts the goroutine. The lifeline ends when all is taken.
func (t *taking) begin(lifeline io.Closer) {
	r, w := io.Pipe()
	t.pipe = w
	go func() { // ends with the pipe
		defer close(t.done)
		t.failed = t.receive(r, lifeline)
		_ = lifeline.Close()          // nothing was promised of it
		_, _ = io.Copy(io.Discard, r) // what comes after the archive is of no use
	}()
}

// receive reads what follows the trailer: whether the program could be started, and its
// files, or why not.
func (t *taking) receive(r io.Reader, lifeline io.Closer) *runner.Failure {
	var first [1]byte
	_, err := io.ReadFull(r, first[:])
	switch {
	case err != nil:
		return &runner.Failure{Kind: runner.FailureInternal, Detail: "the helper did not say how the program ended: " + err.Error()}
	case first[0] == sayRefused:
		_ = lifeline.Close()                                    // the text ends with it
		text, _ := io.ReadAll(io.LimitReader(r, maxHelperText)) // what there is of it
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: fmt.Sprintf("the program does not start: %q", text)}
	case t.spec.OutDir == "":
		return nil
	}
	return unpack(t.spec, r)
}

// close waits for the goroutine and says what failed. It may be called again.
func (t *taking) close() *runner.Failure {
	if t.pipe == nil {
		return nil
	}
	_ = t.pipe.Close() // always nil
	<-t.done
	return t.failed
}

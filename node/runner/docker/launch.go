package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/moby/moby/client"

	"github.com/rerig/rerig/node/runner"
)

// How the helper and Start talk, before the job's program begins and after it has ended.
// The helper, the container's first process, says ready or refused as its first byte of
// output, waits for a trailer on its input, and starts the program, whose input is empty.
// When the program has ended it kills what that left, writes the trailer, which the job
// cannot know, and what is in /out (output.go), and waits for its input to end: nothing but
// the engine's last look at the counters happens meanwhile. The input is the job's lifeline too: a rig that dies takes its
// jobs with it.
const (
	sayReady   = 0
	sayRefused = 1
	// trailerSize is a zero byte, which text has none of, and 26 random letters and digits.
	trailerSize = 27
)

func newTrailer() []byte { return append([]byte{0}, rand.Text()...) }

// streams are a container's two connections.
type streams struct {
	attached *client.HijackedResponse
	output   frames
	trailer  []byte // ends the program's output
	lifeline net.Conn
}

func (s *streams) close() {
	s.attached.Close()
	_ = s.lifeline.Close() // nothing was promised of it
}

// launch makes and starts the container, attaches to it, and lets the program begin.
func (j *Job) launch(ctx context.Context) (_ *streams, err error) {
	e := j.engine
	k, err := e.judged(ctx)
	if err != nil {
		return nil, err
	}
	if err := openInput(&j.spec); err != nil {
		return nil, err
	}
	if j.id, err = e.create(ctx, j.name, &j.spec, k); err != nil {
		return nil, err
	}
	call, cancel := context.WithTimeout(ctx, e.patience.start)
	defer cancel()
	s, err := j.attach(call)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(call, s.close)
	defer func() {
		if !stop() && err == nil {
			err = call.Err()
		}
		if err != nil {
			s.close()
		}
	}()
	if _, err := e.api.ContainerStart(call, j.id, client.ContainerStartOptions{}); err != nil {
		return nil, fmt.Errorf("start the container: %w", err)
	}
	if err := s.meet(); err != nil {
		return nil, err
	}
	j.look(call, true)
	if _, err := s.lifeline.Write(s.trailer); err != nil {
		return nil, fmt.Errorf("let the program begin: %w", err)
	}
	return s, nil
}

// attach connects to the container's output and, apart from it, because Docker ends a
// connection only with all of its streams, to its input.
func (j *Job) attach(ctx context.Context) (*streams, error) {
	// Each byte of output costs at most a frame of its own.
	c, err := j.engine.streams(int64(min(j.spec.StdoutBytes, 1<<40)+1)*(frameHeader+1) +
		2*int64(min(j.spec.OutputBytes, 1<<50)) + int64(j.spec.OutputFiles)*outputPage + answerBytes)
	if err != nil {
		return nil, err
	}
	out, err := c.ContainerAttach(ctx, j.id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, fmt.Errorf("attach to the container's output: %w", err)
	}
	in, err := c.ContainerAttach(ctx, j.id, client.ContainerAttachOptions{Stream: true, Stdin: true})
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("attach to the container's input: %w", err)
	}
	return &streams{attached: &out.HijackedResponse, output: frames{r: out.Reader}, trailer: newTrailer(), lifeline: in.Conn}, nil
}

// meet waits for the helper's first byte.
func (s *streams) meet() error {
	var first [1]byte
	n := 0
	var stream byte
	var err error
	for err == nil && n == 0 {
		stream, n, err = s.output.read(first[:])
	}
	switch {
	case err != nil:
		return fmt.Errorf("the container ended before its program began: %w", err)
	case stream == streamStdout && first[0] == sayReady:
		return nil
	case stream == streamStdout && first[0] == sayRefused:
		text, _ := io.ReadAll(io.LimitReader(&s.output, maxHelperText)) // what there is of it
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: fmt.Sprintf("the program does not start: %q", text)}
	}
	rest, _ := io.ReadAll(io.LimitReader(&s.output, maxHelperText)) // what there is of it
	return errors.New("the container's first process says " + fmt.Sprintf("%q", append(first[:], rest...)))
}

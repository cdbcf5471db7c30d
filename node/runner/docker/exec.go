package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"sync"

	"github.com/moby/moby/client"

	"github.com/rerig/rerig/node/runner"
)

// maxHelperText is how much of a helper's complaint is kept.
const maxHelperText = 200

// begin starts a program inside the container. The stream carries its input and output;
// leave gives back its place and must be called once.
func (j *Job) begin(ctx context.Context, argv []string, stdin bool) (id string, s *client.HijackedResponse, leave func(), err error) {
	if len(argv) == 0 || argv[0] == "" {
		return "", nil, nil, errors.New("no program was named")
	}
	if j.over() {
		return "", nil, nil, runner.ErrEnded
	}
	select {
	case j.execs <- struct{}{}:
	default:
		return "", nil, nil, fmt.Errorf("%d programs and connections are open in the job already, the most at once", maxExecs)
	}
	giveBack := func() { <-j.execs }
	defer func() {
		if err != nil {
			giveBack()
		}
	}()
	e := j.engine
	streams, err := e.streams(math.MaxInt64)
	if err != nil {
		return "", nil, nil, err
	}
	call, cancel := context.WithTimeout(ctx, e.patience.call)
	defer cancel()
	made, err := e.api.ExecCreate(call, j.id, client.ExecCreateOptions{
		User: userOf(&j.spec), WorkingDir: j.spec.WorkDir, Env: j.spec.Env, Cmd: argv,
		AttachStdin: stdin, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return "", nil, nil, fmt.Errorf("prepare a program in the container: %w", err)
	}
	attached, err := streams.ExecAttach(call, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", nil, nil, fmt.Errorf("start a program in the container: %w", err)
	}
	return made.ID, &attached.HijackedResponse, giveBack, nil
}

// Exec runs another program inside the container and returns its exit code. When ctx is
// done it returns, but the program goes on until the job ends: Docker kills none alone. A
// read of stdin that never returns outlives Exec.
func (j *Job) Exec(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	id, attached, leave, err := j.begin(ctx, argv, stdin != nil)
	if err != nil {
		return 0, err
	}
	defer leave()
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)()
	if stdin != nil {
		go func() { // ends with the connection, or the next read of stdin after it
			_, _ = io.Copy(attached.Conn, stdin) // a program need not read its input
			_ = attached.CloseWrite()            // the connection may be closed
		}()
	}
	if err := copyFrames(attached.Reader, stdout, stderr); err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, fmt.Errorf("read the program's output: %w", err)
	}
	call, cancel := context.WithTimeout(ctx, j.engine.patience.call)
	defer cancel()
	got, err := j.engine.api.ExecInspect(call, id, client.ExecInspectOptions{})
	switch {
	case err != nil:
		return 0, fmt.Errorf("ask how the program ended: %w", err)
	case got.Running && j.over():
		return 0, runner.ErrEnded
	case got.Running:
		return 0, errors.New("the program closed its output and goes on: its exit code is not known")
	case got.ExitCode < 0 || got.ExitCode > 255:
		return 0, fmt.Errorf("Docker says exit code %d", got.ExitCode)
	}
	return got.ExitCode, nil
}

func copyFrames(r io.Reader, stdout, stderr io.Writer) error {
	in, buf := frames{r: r}, make([]byte, 32<<10)
	for {
		stream, n, err := in.read(buf)
		w := stdout
		if stream == streamStderr {
			w = stderr
		}
		if w != nil && n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// Dial connects to a TCP port on the job's own loopback. The container has no network, so
// the helper program is run in it and carries the bytes; it counts as one of the job's
// processes and uses some 20 MB of its memory.
func (j *Job) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	_, attached, leave, err := j.begin(ctx, []string{helperPath, modeDial, strconv.Itoa(int(port))}, true)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: attached.Conn, stream: attached, frames: frames{r: attached.Reader}, leave: leave}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	err = c.connected()
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = c.Close() // the first error is the one to tell
		return nil, fmt.Errorf("connect to port %d in the container: %w", port, err)
	}
	return c, nil
}

// conn is a connection that the helper carries: written bytes go as they are, read ones
// come in frames.
type conn struct {
	net.Conn
	stream *client.HijackedResponse
	frames frames // of the one reader
	closed sync.Once
	leave  func()
}

// connected reads the helper's first byte, 0 once it has connected. Anything else is the
// beginning of its complaint.
func (c *conn) connected() error {
	var first [1]byte
	stream, n, err := c.frames.read(first[:])
	for err == nil && n == 0 {
		stream, n, err = c.frames.read(first[:])
	}
	if err != nil {
		return fmt.Errorf("the helper said nothing: %w", err)
	}
	if stream == streamStdout && first[0] == 0 {
		return nil
	}
	rest, _ := io.ReadAll(io.LimitReader(&c.frames, maxHelperText)) // what there is of it
	return fmt.Errorf("%q", append(first[:], rest...))
}

// Read gives what came from the job's port.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		stream, n, err := c.frames.read(p)
		if stream == streamStderr { // a helper that has connected is silent
			n = 0
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// CloseWrite tells the job that no more comes.
func (c *conn) CloseWrite() error { return c.stream.CloseWrite() }

// Close ends the connection.
func (c *conn) Close() error {
	c.closed.Do(func() {
		c.stream.Close()
		c.leave()
	})
	return nil
}

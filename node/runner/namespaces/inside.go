//go:build linux

package namespaces

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// usageTime is how long init may take to add up: it is beside the job's own processes.
const usageTime = time.Second

// lastOutput is how long Exec waits for output after its program has ended: what that left
// running may hold the pipe for as long as the job lives.
const lastOutput = 500 * time.Millisecond

// question sends init one and returns where its answer comes; nil is the job's end.
func (j *Job) question(m message, files ...*os.File) (uint64, <-chan *message, error) {
	answer := make(chan *message, 1)
	j.mu.Lock()
	if j.ended || j.exited {
		j.mu.Unlock()
		return 0, nil, runner.ErrEnded
	}
	j.asked++
	m.ID = j.asked
	j.asks[m.ID] = answer
	j.mu.Unlock()
	if err := j.box.control.send(m, files...); err != nil {
		j.giveUp(m.ID)
		return 0, nil, runner.ErrEnded
	}
	return m.ID, answer, nil
}

// answered hands an answer to whoever asked.
func (j *Job) answered(m *message) {
	j.mu.Lock()
	defer j.mu.Unlock()
	answer := j.asks[m.ID]
	if answer == nil {
		m.close()
		return
	}
	delete(j.asks, m.ID)
	answer <- m
}

// giveUp stops waiting for an answer.
func (j *Job) giveUp(id uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.asks, id)
}

// await waits for an answer.
func (j *Job) await(ctx context.Context, id uint64, answer <-chan *message) (*message, error) {
	select {
	case m := <-answer:
		if m == nil {
			return nil, runner.ErrEnded
		}
		if m.Error != "" {
			m.close()
			return nil, errors.New(m.Error)
		}
		return m, nil
	case <-ctx.Done():
		j.giveUp(id)
		select { // it may have come at the last moment
		case m := <-answer:
			if m != nil {
				m.close()
			}
		default:
		}
		return nil, ctx.Err()
	}
}

// Dial connects to a TCP port on the job's own loopback.
func (j *Job) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	id, answer, err := j.question(message{Kind: askDial, Port: port})
	if err != nil {
		return nil, err
	}
	m, err := j.await(ctx, id, answer)
	if err != nil {
		return nil, fmt.Errorf("dial port %d of the job: %w", port, err)
	}
	defer m.close()
	if len(m.files) != 1 {
		return nil, errors.New("the sandbox gave no connection")
	}
	return net.FileConn(m.files[0])
}

// Exec runs another program inside the sandbox, confined as the job's own, and returns its
// exit code. It is killed when ctx is done.
func (j *Job) Exec(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	inR, inW, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("connect a program inside: %w", err)
	}
	theirs = append(theirs, inR)
	defer inW.Close()
	var outputs sync.WaitGroup
	var readers []*os.File
	for _, to := range []io.Writer{stdout, stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, fmt.Errorf("connect a program inside: %w", err)
		}
		theirs, readers = append(theirs, w), append(readers, r)
		if to == nil {
			to = io.Discard
		}
		outputs.Go(func() { // ends when the program's last process has, when the reader fails, or by the deadline
			defer r.Close()
			for {
				n, err := io.Copy(to, r) // a consumer that fails sees less
				if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
					return
				}
				_ = r.SetReadDeadline(time.Now().Add(lastOutput)) // there may be more yet
			}
		})
	}
	id, answer, err := j.question(message{Kind: askExec, Argv: argv}, theirs...)
	for _, f := range theirs {
		f.Close()
	}
	if err == nil {
		go func() { // ends with the program, which then reads no more, or with stdin
			if stdin != nil {
				_, _ = io.Copy(inW, stdin)
			}
			inW.Close()
		}()
	}
	code := 0
	if err == nil {
		var m *message
		if m, err = j.await(ctx, id, answer); err == nil {
			code = m.Code
			m.close()
		} else if ctx.Err() != nil {
			_ = j.box.control.send(message{Kind: askKill, ID: id}) // fails when the job is gone
		}
	}
	for _, r := range readers {
		_ = r.SetReadDeadline(time.Now().Add(lastOutput)) // fails when it has ended
	}
	outputs.Wait()
	if err != nil {
		return 0, fmt.Errorf("run %q inside: %w", argv, err)
	}
	return code, nil
}

// askUsage has init add up what the job has used, where no control group counts.
func (j *Job) askUsage() {
	id, answer, err := j.question(message{Kind: askUsage})
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), usageTime)
	defer cancel()
	if m, err := j.await(ctx, id, answer); err == nil {
		if m.Usage != nil {
			j.meter.counted(j.box, m.Usage)
		}
		m.close()
	}
}

package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// inside is what a container's jobs can do, and what a module must say that it cannot.
var inside = []check{
	{name: "dial", run: dial},
	{name: "exec", run: beside},
	{name: "limits of exec", run: besideIsHeld, alone: true},
	{name: "process bomb", run: processBomb},
	{name: "fork bomb", run: forkBomb, alone: true},
	{name: "orphans", run: orphans, alone: true},
	{name: "what a job leaves running", run: leftRunning, alone: true},
	{name: "read-only root", run: readOnlyRoot},
}

// port is where the guest serves inside. A job has its network alone, so all use one.
const port = 8080

func dial(s *suite, t testing.TB) error {
	caps, err := s.engine.Probe(context.Background())
	if err != nil || caps.Dial == s.WASM {
		return fmt.Errorf("Probe says %+v, %v", caps, err)
	}
	if s.WASM {
		return s.cannot(func(j *running) error { _, err := j.Dial(context.Background(), port); return err })
	}
	r, err := s.start(s.job("serve", fmt.Sprint(port)))
	if err != nil {
		return err
	}
	defer r.Stop()
	if err := r.wait("serving"); err != nil {
		return err
	}
	for range 3 {
		if err := r.converse(port); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if c, err := r.Dial(ctx, port+1); err == nil {
		defer c.Close()
		// A port-forward may find out only when it is used.
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = fmt.Fprintln(c, "hello")
		if b, err := io.ReadAll(c); err == nil && len(b) > 0 {
			return fmt.Errorf("a port without a listener answered %q", b)
		}
	}
	host, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
	if err == nil { // something of this machine's own may listen there
		defer host.Close()
		_ = host.SetDeadline(time.Now().Add(time.Second))
		_, _ = fmt.Fprintln(host, "token")
		if b, _ := io.ReadAll(host); strings.HasPrefix(string(b), "served token") {
			return errors.New("the job's port answers on the host's loopback")
		}
	}
	return nil
}

// converse sends a line to the guest's server and a long answer back, with the other
// direction closed in between, as HTTP/1.0 does.
func (r *running) converse(port uint16) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := r.Dial(ctx, port)
	if err != nil {
		return fmt.Errorf("dial port %d inside: %w", port, err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // a connection that has none times out with the job
	if _, err := fmt.Fprintln(c, "hello"); err != nil {
		return fmt.Errorf("write to port %d inside: %w", port, err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		return fmt.Errorf("read from port %d inside: %w", port, err)
	}
	if want := "served hello\n" + strings.Repeat("x", 1<<20); string(b) != want {
		return fmt.Errorf("port %d inside answered %d bytes, %s, want %d", port, len(b), brief(string(b)), len(want))
	}
	return nil
}

// cannot holds an engine to its word for a call that it does not know.
func (s *suite) cannot(call func(*running) error) error {
	r, err := s.start(s.job("spin"))
	if err != nil {
		return err
	}
	defer r.Stop()
	if err := call(r); !errors.Is(err, runner.ErrUnsupported) {
		return fmt.Errorf("error %v, want that it is unsupported", err)
	}
	return nil
}

// beside runs other programs in a job's sandbox.
func beside(s *suite, t testing.TB) error {
	if s.WASM {
		return s.cannot(func(j *running) error {
			_, err := j.Exec(context.Background(), []string{"guest"}, nil, nil, nil)
			return err
		})
	}
	spec := s.job("serve", fmt.Sprint(port))
	spec.Env = []string{"OF=job"}
	spec.WorkDir = "/job"
	r, err := s.start(spec)
	if err != nil {
		return err
	}
	defer r.Stop()
	if err := r.wait("serving"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	run := func(stdin string, argv ...string) (int, string, error) {
		var out, errs bytes.Buffer
		code, err := r.Exec(ctx, argv, strings.NewReader(stdin), &out, &errs)
		if err != nil {
			err = fmt.Errorf("exec %v: %w: %s", argv, err, brief(errs.String()))
		}
		return code, out.String(), err
	}
	// The same files, network, environment and directory as the job's.
	code, out, err := run("", "/guest", "peer", fmt.Sprint(port))
	if want := "mark /job job served peer\n"; err != nil || code != 0 || out != want {
		return fmt.Errorf("a program beside the job's: code %d, output %q, want %q, %w", code, out, want, err)
	}
	long := strings.Repeat("0123456789abcdef", 1<<14)
	if code, out, err = run(long, "/guest", "cat"); err != nil || code != 0 || out != long {
		return fmt.Errorf("a program that copies its input: code %d, %d bytes, %w", code, len(out), err)
	}
	if code, _, err = run("", "/guest", "exit", "7"); err != nil || code != 7 {
		return fmt.Errorf("a program that exits with 7: code %d, %w", code, err)
	}
	if code, _, err = run("", "/nowhere"); err == nil && code == 0 {
		return errors.New("a program that is not there ended well")
	}
	r.Stop()
	if _, err := r.end(); err != nil {
		return err
	}
	if _, _, err = run("", "/guest", "exit", "0"); err == nil {
		return errors.New("a program ran in a job that has ended")
	}
	return nil
}

// besideIsHeld: what a job may not, a program that was put beside it may not either, and
// what it uses is on the same bill.
func besideIsHeld(s *suite, t testing.TB) error {
	if s.WASM {
		return nil // there is no exec
	}
	r, err := s.start(s.job("sleep"))
	if err != nil {
		return err
	}
	defer r.Stop()
	run := func(ctx context.Context, args ...string) (string, error) {
		out := newText()
		_, err := r.Exec(ctx, append([]string{"/guest"}, args...), nil, out, out)
		return out.String(), err
	}
	before := r.Usage().CPUMillis
	burning := make(chan struct{})
	go func() { // ends with the job
		_, _ = run(context.Background(), "burn", "300") // how it ends is the job's end
		close(burning)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), deadline/2)
	defer cancel()
	if err := r.WaitUsage(ctx, before+100); err != nil {
		return fmt.Errorf("what a program beside the job uses is on no bill: %w", err)
	}
	// It leaves processes that hold its output, and ends all the same.
	out, err := run(ctx, "processes", fmt.Sprint(4*processes))
	var made int
	if _, scan := fmt.Sscanf(out, "made %d processes", &made); err != nil || scan != nil || made >= processes {
		return fmt.Errorf("a program beside a job of at most %d processes says %q, %w", processes, out, err)
	}
	r.Stop()
	if _, err := r.end(); err != nil {
		return err
	}
	select {
	case <-burning:
	case <-time.After(20 * time.Second):
		return errors.New("a program beside a job outlived it")
	}
	return s.gone()
}

// processBomb makes sleeping processes until it is refused.
func processBomb(s *suite, t testing.TB) error {
	if s.WASM {
		return s.absent("proc_fork", "thread-spawn", "proc_spawn")
	}
	out, err := s.well(s.job("processes", fmt.Sprint(4*processes)))
	if err != nil {
		return err
	}
	var made int
	if _, err := fmt.Sscanf(out, "made %d processes", &made); err != nil || made >= processes || made < processes/2 {
		return fmt.Errorf("a job of at most %d processes says %q", processes, out)
	}
	return s.next()
}

// forkBomb forks without end in every process, while another job and the host go on.
func forkBomb(s *suite, t testing.TB) error {
	if s.WASM {
		return s.absent("fork", "clone", "exec")
	}
	bomb := s.job("forkbomb")
	bomb.Deadline = 3 * time.Second
	r, err := s.start(bomb)
	if err != nil {
		return err
	}
	defer r.Stop()
	if err := r.wait("bombing"); err != nil {
		return err
	}
	if err := s.next(); err != nil {
		return fmt.Errorf("beside a fork bomb: %w", err)
	}
	if _, err := os.ReadFile("/proc/self/stat"); err != nil {
		return fmt.Errorf("the host beside a fork bomb: %w", err)
	}
	if n := len(s.sandboxes()); n > 4*processes { // gVisor makes one for a fork before it refuses it
		return fmt.Errorf("a fork bomb of at most %d processes has %d on the host", processes, n)
	}
	if _, err := r.end(); err != nil {
		return err
	}
	if f := r.result.Failure; f == nil || f.Kind != runner.FailureDeadline && f.Kind != runner.FailureMemory {
		return fmt.Errorf("a fork bomb: %s", r.ending())
	}
	if err := s.gone(); err != nil {
		return err
	}
	return s.next()
}

// orphans makes more children that end at once than a job may have processes: somebody must
// take note of their ends, inside and on the host.
func orphans(s *suite, t testing.TB) error {
	if s.WASM {
		return s.absent("proc_wait", "wait")
	}
	out, err := s.well(s.job("orphans", fmt.Sprint(3*processes)))
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%d orphans\n", 3*processes); out != want {
		return fmt.Errorf("the job says %q, want %q", out, want)
	}
	return s.gone()
}

// leftRunning: a job is over when its first program is, with all that it began.
func leftRunning(s *suite, t testing.TB) error {
	if s.WASM {
		return s.absent("proc_detach", "setsid")
	}
	if _, err := s.well(s.job("leave")); err != nil {
		return err
	}
	return s.gone()
}

// readOnlyRoot: whatever a job makes of its files, the next one finds them as they came.
func readOnlyRoot(s *suite, t testing.TB) error {
	if s.WASM {
		return s.absent("mount", "path_chmod")
	}
	before, err := fingerprint(s.guest.root)
	if err != nil {
		return err
	}
	for _, user := range []uint32{0, 1000} {
		spec := s.job("vandal")
		spec.UID, spec.GID = user, user
		r, err := s.do(spec)
		if err != nil {
			return err
		}
		if r.result.Failure != nil || r.result.ExitCode != 0 {
			return fmt.Errorf("the vandal did not come to its end: %s", r.ending())
		}
		if out, err := s.well(s.job("cat", "/data/file")); err != nil || out != "as it came\n" {
			return fmt.Errorf("the next job read %q, %w", out, err)
		}
	}
	after, err := fingerprint(s.guest.root)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("the root is not as it was; before\n%s\nafter\n%s", before, after)
	}
	return nil
}

package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// started is a job that runs until it is stopped.
func started(t *testing.T, f *fakeEngine) (*Engine, runner.Job) {
	t.Helper()
	f.program = func(c *fakeContainer) int { <-c.killed; return 137 }
	e := newEngine(t, f)
	j, err := e.Start(t.Context(), newSpec(t), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e, j
}

func TestExec(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.execute = func(c *fakeContainer, argv []string, s rw) int {
		in, _ := io.ReadAll(s.in)
		fmt.Fprintf(s.out, "%s got %s", strings.Join(argv, " "), in)
		io.WriteString(s.err, "warning")
		return 7
	}
	_, j := started(t, f)
	var out, errs bytes.Buffer
	code, err := j.Exec(t.Context(), []string{"tool", "-x"}, strings.NewReader("input"), &out, &errs)
	if err != nil || code != 7 || out.String() != "tool -x got input" || errs.String() != "warning" {
		t.Errorf("exec gave %d, %q, %q, %v", code, &out, &errs, err)
	}
	f.mu.Lock()
	body := string(f.bodies["POST /containers/{id}/exec"])
	f.mu.Unlock()
	for _, want := range []string{`"Privileged":false`, `"User":"`, `"Cmd":["tool","-x"]`, `"Tty":false`} {
		if !strings.Contains(body, want) {
			t.Errorf("exec was asked for as %s, want %s in it", body, want)
		}
	}
	if _, err := j.Exec(t.Context(), nil, nil, nil, nil); err == nil {
		t.Error("exec of nothing gave no error")
	}
	j.Stop()
	if _, err := j.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := j.Exec(t.Context(), []string{"tool"}, nil, nil, nil); err == nil {
		t.Error("exec in a job that ended gave no error")
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	begun := make(chan struct{})
	f.execute = func(c *fakeContainer, argv []string, s rw) int {
		close(begun)
		io.Copy(io.Discard, s.in)
		return 0
	}
	_, j := started(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }() // ends with the exec
	r, w := io.Pipe()
	defer w.Close()
	if _, err := j.Exec(ctx, []string{"tool"}, r, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("exec gave %v", err)
	}
}

// TestDial reaches a real server on the loopback through the real helper, a child process
// at the far end of a hijacked stream.
func TestDial(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d", r.Host, len(b))
		w.Write(make([]byte, 1<<20))
	})}
	go served.Serve(l) // ended below
	defer served.Close()
	port := l.Addr().(*net.TCPAddr).Port

	f := newFake(t)
	f.execute = func(_ *fakeContainer, argv []string, s rw) int { return helperProcess(argv, s) }
	_, j := started(t, f)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return j.Dial(ctx, uint16(port)) }}
	defer transport.CloseIdleConnections()
	for range 3 {
		answer, err := (&http.Client{Transport: transport}).Post("http://job/", "text/plain", bytes.NewReader(make([]byte, 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if want := "job 1048576"; err != nil || len(body) != len(want)+1<<20 || string(body[:len(want)]) != want {
			t.Errorf("got %d bytes, %v", len(body), err)
		}
	}
	if n := len(f.seen("POST /exec")); n != 1 {
		t.Errorf("three requests on one connection took %d helpers", n)
	}
}

func TestDialHalfCloses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all, _ := io.ReadAll(c)
			fmt.Fprintf(c, "%d bytes", len(all))
			c.Close()
		}
	}()
	f := newFake(t)
	f.execute = func(_ *fakeContainer, argv []string, s rw) int { return helperProcess(argv, s) }
	_, j := started(t, f)
	c, err := j.Dial(t.Context(), uint16(l.Addr().(*net.TCPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "5 bytes" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDialOfAClosedPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	f := newFake(t)
	f.execute = func(_ *fakeContainer, argv []string, s rw) int { return helperProcess(argv, s) }
	_, j := started(t, f)
	if _, err := j.Dial(t.Context(), uint16(port)); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a closed port gave %v", err)
	}
	if n := len(j.(*Job).execs); n != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

// TestDialGivesUp: a helper that is stopped by the job says nothing for ever.
func TestDialGivesUp(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.execute = func(_ *fakeContainer, _ []string, s rw) int {
		io.Copy(io.Discard, s.in)
		return 0
	}
	_, j := started(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := j.Dial(ctx, 80); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent helper gave %v", err)
	}
}

func TestConnectionsAreCapped(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.execute = func(_ *fakeContainer, _ []string, s rw) int {
		s.out.Write([]byte{0})
		io.Copy(io.Discard, s.in)
		return 0
	}
	_, j := started(t, f)
	var open []net.Conn
	for range maxExecs {
		c, err := j.Dial(t.Context(), 80)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	if _, err := j.Dial(t.Context(), 80); err == nil {
		t.Error("one connection more than the most was made")
	}
	for _, c := range open {
		c.Close()
		c.Close()
	}
	c, err := j.Dial(t.Context(), 80)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

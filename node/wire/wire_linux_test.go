//go:build linux && !nogvisor

package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner/tap"
)

var (
	jobAddr  = netip.MustParsePrefix("10.77.0.1/24")
	peerAddr = netip.MustParseAddr("10.77.0.2")
)

// sandbox is a process in a network namespace of its own, and its wire.
type sandbox struct {
	t     *testing.T
	in    io.WriteCloser
	out   *bufio.Scanner
	wire  *Wire
	leave func()      // ends the job and waits for it
	ports chan uint16 // that the job dialled
	held  chan Conn   // that it dialled at heldPort, which reads nothing until it is told
	tell  chan struct{}
}

// Ports that do something else.
const (
	refusedPort = 1
	heldPort    = 2 // the test serves it
	slowPort    = 3 // opens when the test says so
)

// open starts one in which peerAddr echoes, but for some ports.
func open(t *testing.T) *sandbox {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: an interface is made in another network namespace")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun: load the module tun")
	}
	s := &sandbox{t: t, ports: make(chan uint16, 2*MaxConns), held: make(chan Conn), tell: make(chan struct{})}
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{job + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	var err error
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.leave = sync.OnceFunc(func() {
		s.in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.leave)
	s.out = bufio.NewScanner(out)
	file, err := tap.Open(cmd.Process.Pid, jobAddr)
	if err != nil {
		t.Fatal(err)
	}
	s.wire, err = Open(file, Config{Addr: jobAddr, MTU: tap.MTU, Routes: map[netip.Addr]Route{peerAddr: s.route}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.wire.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *sandbox) route(_ context.Context, port uint16) (func(Conn), error) {
	switch port {
	case refusedPort:
		return nil, errors.New("nothing listens")
	case slowPort:
		<-s.tell
		fallthrough
	case heldPort:
		return func(c Conn) {
			s.held <- c
			<-s.tell
		}, nil
	}
	s.ports <- port
	return func(c Conn) {
		if _, err := io.Copy(c, c); err == nil {
			_ = c.CloseWrite()
		}
	}, nil
}

// do has the job do something and returns what it says.
func (s *sandbox) do(format string, args ...any) string {
	s.t.Helper()
	if _, err := fmt.Fprintf(s.in, format+"\n", args...); err != nil {
		s.t.Fatal(err)
	}
	if !s.out.Scan() {
		s.t.Fatal("the job ended: ", s.out.Err())
	}
	return s.out.Text()
}

// TestOnlyRoutesExist: a job reaches the ports of its routes, and nothing else.
func TestOnlyRoutesExist(t *testing.T) {
	s := open(t)
	for _, port := range []int{80, 8080, 65535} {
		if got := s.do("echo %s:%d 100000", peerAddr, port); got != "ok" {
			t.Errorf("port %d: %s", port, got)
		}
		if got := <-s.ports; int(got) != port {
			t.Errorf("the route was asked for port %d, want %d", got, port)
		}
	}
	for at, want := range map[string]string{
		"10.77.0.2:1":         "refused",
		"10.77.0.3:80":        "timeout",
		"10.77.1.2:80":        "unreachable",
		"8.8.8.8:53":          "unreachable",
		"169.254.169.254:80":  "unreachable",
		"[fe80::1%rerig0]:80": "error",
	} {
		if got := s.do("dial %s", at); !strings.HasPrefix(got, "error") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
	if got := s.do("from 10.77.0.9 %s:80", peerAddr); !strings.HasPrefix(got, "error") {
		t.Errorf("as another address: %q", got)
	}
	if len(s.ports) != 0 {
		t.Error("a route was asked for what it does not serve")
	}
}

// TestDial: a port of the job's is reached from its routes' addresses only.
func TestDial(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	if _, err := s.wire.Dial(ctx, peerAddr, 9000); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nothing listens: %v", err)
	}
	if got := s.do("serve %s", netip.AddrPortFrom(jobAddr.Addr(), 9000)); got != "" {
		t.Fatal(got)
	}
	if _, err := s.wire.Dial(ctx, netip.MustParseAddr("10.77.0.3"), 9000); err == nil {
		t.Error("an address without a route dialled")
	}
	c, err := s.wire.Dial(ctx, peerAddr, 9000)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 64 << 20
	begun := time.Now()
	go func() {
		_, _ = io.CopyN(c, &pattern{}, n) // expect sees what did not come
		_ = c.CloseWrite()
	}()
	if err := expect(c, n); err != nil {
		t.Error(err)
	}
	t.Logf("%d MiB there and back in %v", n>>20, time.Since(begun))
}

// TestConnectionsAreCapped: a job cannot open more than its share, and gets places back.
func TestConnectionsAreCapped(t *testing.T) {
	s := open(t)
	if got := s.do("hold %s:80 %d", peerAddr, MaxConns); got != fmt.Sprint(MaxConns) {
		t.Fatal(got)
	}
	if got := s.do("dial %s:80", peerAddr); !strings.Contains(got, "refused") {
		t.Errorf("one more than %d: %q", MaxConns, got)
	}
	if _, err := s.wire.Dial(t.Context(), peerAddr, 80); err == nil || !strings.Contains(err.Error(), fmt.Sprint(MaxConns)) {
		t.Errorf("one more the other way: %v", err)
	}
}

// TestCloseEndsConnections: what a job has open ends with its wire, and the job sees it.
func TestCloseEndsConnections(t *testing.T) {
	s := open(t)
	if got := s.do("hold %s:80 1", peerAddr); got != "1" {
		t.Fatal(got)
	}
	if err := s.wire.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.do("broken"); !strings.Contains(got, "reset") {
		t.Errorf("the job's connection: %q", got)
	}
	if _, err := s.wire.Dial(t.Context(), peerAddr, 80); err == nil {
		t.Error("dialled after Close")
	}
}

// TestDrain: what a job sent before it ended is passed on, whoever reads it late, and no
// connection begins meanwhile.
func TestDrain(t *testing.T) {
	s := open(t)
	const n = 200_000
	if got := s.do("send %s:%d %d", peerAddr, heldPort, n); got != "ok" {
		t.Fatal(got)
	}
	if got := s.do("hold %s:80 3", peerAddr); got != "3" { // and all that is on these is an end
		t.Fatal(got)
	}
	c := <-s.held
	s.leave()
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.wire.Drain(late); !errors.Is(err, context.Canceled) {
		t.Errorf("before anything is read: %v", err)
	}
	if _, err := s.wire.Dial(t.Context(), peerAddr, 80); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("dialled meanwhile: %v", err)
	}
	drained := make(chan error, 1)
	go func() { drained <- s.wire.Drain(t.Context()) }()
	if err := expect(c, n); err != nil {
		t.Error(err)
	}
	if len(drained) > 0 {
		t.Error("drained before the end was passed on")
	}
	if err := c.CloseRead(); err != nil {
		t.Error(err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	close(s.tell)
}

// TestJobGoesAway while a connection of its own is being opened: whoever serves it is told,
// by all that it may do.
func TestJobGoesAway(t *testing.T) {
	s := open(t)
	if got := s.do("dial %s:%d", peerAddr, slowPort); !strings.Contains(got, "timeout") {
		t.Fatal(got)
	}
	s.leave() // else its kernel may take the answer for another attempt's
	s.tell <- struct{}{}
	c := <-s.held
	defer close(s.tell)
	if _, ok := c.(gone); !ok {
		t.Fatalf("it is a %T", c)
	}
	for what, err := range map[string]error{
		"deadline": c.SetDeadline(time.Now()), "deadline to read": c.SetReadDeadline(time.Now()),
		"deadline to write": c.SetWriteDeadline(time.Now()), "end": c.CloseWrite(),
	} {
		if err == nil {
			t.Errorf("a %s of nothing is set", what)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read with %v", err)
	}
	if _, err := c.Write([]byte{1}); err == nil {
		t.Error("written")
	}
	if c.LocalAddr() == nil || c.RemoteAddr() == nil {
		t.Error("it has no address")
	}
	if err := errors.Join(c.CloseRead(), c.Reset(), c.Close()); err != nil {
		t.Error(err)
	}
}

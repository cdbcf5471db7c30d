package ask

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is the two ends of a connection.
func pair(t *testing.T) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far
}

// TestLyingServer: frames out of place, too long or cut short end the answer as broken, and what
// came before counts.
func TestLyingServer(t *testing.T) {
	cost := "C\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x05"
	head := `S` + "\x00\x00\x00\x0e" + `{"status":200}`
	for _, said := range []string{
		"", "HTTP/1.1 200 OK\r\n", "D\x00\x00\x00\x01x", "E\x00\x00\x00\x00", "S\x00\x00\x00\x02[]", "S\x00\x00\x00\x0d" + `{"status":99}`,
		head + head, head + "D\xff\xff\xff\xff", head + "D\x00\x00\x00\x09short", head + "C\x00\x00\x00\x01x", head + "H\x00\x00\x00\x01\x01",
	} {
		near, far := pair(t)
		a, err := Send(near, Request{Method: "POST", Path: "/", Body: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(far, cost+said); err != nil {
			t.Fatal(err)
		}
		if err := far.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err = a.Head(); err == nil {
			_, err = io.ReadAll(a)
		}
		if !errors.Is(err, ErrBroken) {
			t.Errorf("a server that says %q ends with %v", said, err)
		}
		if read, made := a.Cost(); read != 3 || made != 5 {
			t.Errorf("the cost is %d and %d", read, made)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// gate is shut while a request is held.
type gate struct {
	mu    sync.Mutex
	shut  chan struct{} // closed when the gate is opened; nil while it is open
	first chan struct{} // closed when it was shut for the first time
	once  sync.Once
}

func (g *gate) Hold(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case on && g.shut == nil:
		g.shut = make(chan struct{})
		g.once.Do(func() { close(g.first) })
	case !on && g.shut != nil:
		close(g.shut)
		g.shut = nil
	}
}

func (g *gate) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// TestReaderThatIsBehindHolds: an answer that is not read holds its request, and goes on when it
// is.
func TestReaderThatIsBehindHolds(t *testing.T) {
	const all = 64 << 20 // bytes: more than what is on the way can be
	g := &gate{first: make(chan struct{})}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		work := From(r.Context())
		work.Part(g)
		for i := 0; i < all; i += 32 << 10 {
			g.pass()
			work.Spend(0, 1)
			if _, err := io.WriteString(w, strings.Repeat("x", 32<<10)); err != nil {
				return
			}
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h, 2) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err := Send(conn, Request{Method: "GET", Path: "/", Owner: "one"})
	if err != nil {
		t.Fatal(err)
	}
	<-g.first
	got, err := io.ReadAll(a)
	if err != nil || len(got) != all {
		t.Errorf("%d bytes came, %v", len(got), err)
	}
	if _, made := a.Cost(); made != all>>15 {
		t.Errorf("%d were made, want %d", made, all>>15)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// FuzzReadFrame holds what comes from a sandbox to the limits.
func FuzzReadFrame(f *testing.F) {
	f.Add("E\x00\x00\x00\x00")
	f.Add("D\x00\x01\x00\x01x")
	f.Fuzz(func(t *testing.T, s string) {
		kind, content, err := readFrame(strings.NewReader(s))
		if err == nil && uint32(len(content)) > limits[kind] {
			t.Errorf("a frame of kind %q has %d bytes", kind, len(content))
		}
	})
}

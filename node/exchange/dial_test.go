package exchange

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

// shop is a rig with one job, whose ports are those of this machine's loopback.
type shop struct {
	host host.Host
	job  protocol.Hash
	over chan struct{} // closed when the job is
	open atomic.Int64  // connections into it
}

// notYours is a refusal that a peer may know the reason of.
type notYours struct{ error }

func (notYours) Refusal() (protocol.Reason, string) { return protocol.ReasonUnreachable, "not yours" }

// counted is a connection that the shop counts until it is closed.
type counted struct {
	*net.TCPConn
	shop *shop
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.shop.open.Add(-1) })
	return c.TCPConn.Close()
}

func newShop(t *testing.T, l DialLimits, owner host.Host) *shop {
	t.Helper()
	s := &shop{host: newHost(t), job: protocol.Hash{7}, over: make(chan struct{})}
	srv, err := NewDialServer(s.host, testNet, l, func(ctx context.Context, job protocol.Hash, p string, port uint16) (net.Conn, <-chan struct{}, error) {
		if job != s.job || p != owner.ID().String() {
			return nil, nil, notYours{errors.New("a secret of the rig")}
		}
		c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
		if err != nil {
			return nil, nil, err
		}
		s.open.Add(1)
		return &counted{TCPConn: c.(*net.TCPConn), shop: s}, s.over, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		s.host.Network().Close() // ends what is joined
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := s.open.Load(); n != 0 {
			t.Errorf("%d connections into the job are open at the end", n)
		}
	})
	return s
}

// guest is a requester that knows the shop's address.
func guest(t *testing.T) host.Host { return newHost(t) }

func (s *shop) meet(t *testing.T, h host.Host) {
	t.Helper()
	if err := h.Connect(t.Context(), peer.AddrInfo{ID: s.host.ID(), Addrs: s.host.Addrs()}); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) dial(h host.Host, port uint16) (*PortConn, error) {
	return DialPort(context.Background(), h, testNet, s.host.ID(), s.job, port)
}

// empty waits until nobody is connected into the job.
func (s *shop) empty(t *testing.T) {
	t.Helper()
	within(t, "the connections into the job to be closed", func() bool { return s.open.Load() == 0 })
}

// within polls for something that happens by itself.
func within(t *testing.T, what string, done func() bool) {
	t.Helper()
	for over := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(over) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// listen serves connections on a port of this machine's loopback.
func listen(t *testing.T, serve func(*net.TCPConn)) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// TestDialClosesOneWay: what the requester closes for writing is closed in the job, which
// answers then, and the end of the answer is the requester's.
func TestDialClosesOneWay(t *testing.T) {
	t.Parallel()
	g := guest(t)
	s := newShop(t, DefaultDialLimits(), g)
	s.meet(t, g)
	port := listen(t, func(c *net.TCPConn) {
		h := sha256.New()
		if _, err := io.Copy(h, c); err == nil {
			_, _ = c.Write(h.Sum(nil))
		}
	})
	data := make([]byte, 4<<20)
	rand.Read(data)
	c, err := s.dial(g, port)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if want := sha256.Sum256(data); err != nil || !bytes.Equal(got, want[:]) {
		t.Errorf("the job answered %x, %v, want %x", got, err, want)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	s.empty(t)
}

// TestDialServesHTTP: Go's own HTTP client sits on it, fifty requests at once, and an
// answer that is not read to the end stops the job's writing.
func TestDialServesHTTP(t *testing.T) {
	t.Parallel()
	g := guest(t)
	s := newShop(t, DefaultDialLimits(), g)
	s.meet(t, g)
	endless := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/endless" {
			if b, err := io.ReadAll(r.Body); err == nil {
				_, _ = w.Write(b)
			}
			return
		}
		for buf := make([]byte, 64<<10); ; {
			if _, err := w.Write(buf); err != nil {
				endless <- err
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	port := uint16(srv.Listener.Addr().(*net.TCPAddr).Port)
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return s.dial(g, port) }}
	client := &http.Client{Transport: tr, Timeout: time.Minute}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			body := bytes.Repeat([]byte{byte(i)}, 100<<10)
			res, err := client.Post("http://service/echo", "application/octet-stream", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, body) {
				t.Errorf("request %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
	res, err := client.Get("http://service/endless")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	select {
	case <-endless:
	case <-time.After(30 * time.Second):
		t.Error("the job writes on though nobody reads")
	}
	tr.CloseIdleConnections()
	s.empty(t)
}

// TestDialDeadlines: a deadline ends a Read and a Write that wait, by net.Conn's name for
// it, and Close ends one without.
func TestDialDeadlines(t *testing.T) {
	t.Parallel()
	g := guest(t)
	s := newShop(t, DefaultDialLimits(), g)
	s.meet(t, g)
	hold := make(chan struct{})
	defer close(hold)
	port := listen(t, func(c *net.TCPConn) { <-hold })
	c, err := s.dial(g, port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
	if _, err := c.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) { // more than all buffers
		t.Errorf("Write: %v", err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); read <- err }()
	_ = c.Close()
	if err := <-read; !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read at Close: %v", err)
	}
}

// TestDialBreaks: a job that breaks a connection off is no end of it.
func TestDialBreaks(t *testing.T) {
	t.Parallel()
	g := guest(t)
	s := newShop(t, DefaultDialLimits(), g)
	s.meet(t, g)
	port := listen(t, func(c *net.TCPConn) {
		_, _ = c.Write([]byte("half of"))
		_, _ = c.Read(make([]byte, 1))
		_ = c.SetLinger(0)
	})
	c, err := s.dial(g, port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Read of what broke: %d bytes, %v", n, err)
	}
}

// TestDialRefusals: a peer learns what it may and nothing of the rig.
func TestDialRefusals(t *testing.T) {
	t.Parallel()
	g, foreign := guest(t), guest(t)
	s := newShop(t, DefaultDialLimits(), g)
	s.meet(t, g)
	s.meet(t, foreign)
	free := listen(t, func(*net.TCPConn) {})
	refused := func(h host.Host, job protocol.Hash, port uint16) RefusedDialError {
		t.Helper()
		_, err := DialPort(t.Context(), h, testNet, s.host.ID(), job, port)
		var no *RefusedDialError
		if !errors.As(err, &no) {
			t.Fatalf("err = %v", err)
		}
		return *no
	}
	other := refused(foreign, s.job, free)
	if unknown := refused(foreign, protocol.Hash{8}, free); other != unknown || other.Detail != "not yours" {
		t.Errorf("a foreign job is refused with %v, an unknown one with %v", other, unknown)
	}
	if no := refused(g, s.job, 1); no.Reason != protocol.ReasonRigError || no.Detail != "the rig cannot connect" {
		t.Errorf("an error of the rig's own is told as %v", no)
	}
}

// raw opens a stream that says what it likes.
func raw(t *testing.T, s *shop, h host.Host, first []byte) *PortConn {
	t.Helper()
	st, err := h.NewStream(t.Context(), s.host.ID(), DialID(testNet))
	if err != nil {
		t.Fatal(err)
	}
	c := &PortConn{raw: st}
	t.Cleanup(c.Abort)
	if _, err := c.Write(first); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestHostileDials: rubbish is refused or cut off, and streams that say nothing make room
// for who does.
func TestHostileDials(t *testing.T) {
	t.Parallel()
	g, foreign := guest(t), guest(t)
	l := DefaultDialLimits()
	l.Waiting, l.WaitingPerPeer = 8, 6
	s := newShop(t, l, g)
	s.meet(t, g)
	s.meet(t, foreign)
	port := listen(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	for name, first := range map[string][]byte{
		"a length over the limit": {0, 1, 0, 0, 1}, "no CBOR": {0, 0, 0, 3, 0xff, 0xff, 0xff},
		"an empty frame": {0, 0, 0, 0}, "another message": append([]byte{0, 0, 0, 1}, 0xa0),
	} {
		c := raw(t, s, foreign, first)
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		b, err := io.ReadAll(c)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the stream stays open", name)
		}
		if len(b) > 4 {
			if d, err := protocol.DecodeDialed(b[4:]); err != nil || d.Reason == protocol.ReasonNone {
				t.Errorf("%s: answered %x, %v", name, b, err)
			}
		}
	}
	var idle []*PortConn
	for range 20 { // slowloris: two bytes of a length, from two peers
		idle = append(idle, raw(t, s, foreign, []byte{0, 0}), raw(t, s, guestOf(t, s), []byte{0, 0}))
	}
	c, err := s.dial(g, port)
	if err != nil {
		t.Fatalf("a dial among streams that say nothing: %v", err)
	}
	_ = c.Close()
	for _, c := range idle {
		c.Abort()
	}
}

// TestTenThousandDials leave nothing behind, however they end.
func TestTenThousandDials(t *testing.T) {
	t.Parallel()
	g := guest(t)
	s := newShop(t, DefaultDialLimits(), g)
	s.meet(t, g)
	port := listen(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	var wg sync.WaitGroup
	each := 10_000 / 20
	if testing.Short() {
		each = 50
	}
	for i := range 20 {
		wg.Go(func() {
			for j := range each {
				if err := once(s, g, port, j%3); err != nil {
					t.Errorf("dial %d of %d: %v", j, i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	s.empty(t)
}

// guestOf is a new peer of the shop.
func guestOf(t *testing.T, s *shop) host.Host {
	h := guest(t)
	s.meet(t, h)
	return h
}

// once dials, says a word and leaves in one of three ways.
func once(s *shop, h host.Host, port uint16, how int) error {
	c, err := s.dial(h, port)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write([]byte("word")); err != nil {
		return err
	}
	switch how {
	case 0:
		c.Abort()
		return nil
	case 1:
		return c.Close()
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	if b, err := io.ReadAll(c); err != nil || string(b) != "word" {
		return fmt.Errorf("read %q: %w", b, err)
	}
	return nil
}

package conformance

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ears hear whatever comes from a job, on every address and network of the host.
type ears struct {
	token []byte
	port  uint16

	// flush marks a frame of this process's own, whose number follows: when the sniffer meets
	// it, it has seen all that came before. It is empty where nothing is sniffed.
	flush   []byte
	flushes byte
	flushed chan byte // the sniffer says which it met; a number that finds no room is lost

	mu    sync.Mutex // guards what follows
	all   []string
	kinds map[string]bool // of all
}

func listen(t testing.TB, w *witness) *ears {
	t.Helper()
	e := &ears{token: []byte(w.aims.Token), flushed: make(chan byte, 64), kinds: map[string]bool{}}
	tcp, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	w.aims.Port = tcp.Addr().(*net.TCPAddr).Port
	e.port = uint16(w.aims.Port)
	e.accept(t, tcp)
	for network, address := range map[string]string{"udp": fmt.Sprint(":", w.aims.Port), "unixgram": "@" + w.aims.Token} {
		c, err := net.ListenPacket(network, address)
		if err != nil {
			t.Fatal(err)
		}
		e.receive(t, network, c)
	}
	for _, name := range []string{"@" + w.aims.Token, filepath.Join(w.base, "socket")} {
		l, err := net.Listen("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		e.accept(t, l)
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		addrs, _ := l.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
				w.aims.Link, w.aims.Address = l.Name, n.IP.String()
			}
		}
	}
	e.sniff(t)
	return e
}

// note keeps what was heard first of each kind.
func (e *ears) note(kind, format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.kinds[kind] {
		e.kinds[kind] = true
		e.all = append(e.all, fmt.Sprintf(format, args...))
	}
}

// heard is what was heard since it was asked last.
func (e *ears) heard() error {
	if err := e.catchUp(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	for _, h := range e.all {
		err = errors.Join(err, errors.New("the host heard "+h))
	}
	e.all, e.kinds = nil, map[string]bool{}
	return err
}

// catchUp waits until every frame that was sent before has been looked at.
func (e *ears) catchUp() error {
	if e.flush == nil {
		return nil
	}
	for range 10 {
		e.flushes++
		c, err := net.Dial("udp", "127.0.0.1:9") // discard
		if err != nil {
			return err
		}
		_, err = c.Write(append(bytes.Clone(e.flush), e.flushes))
		_ = c.Close() // the write's error is the one to tell
		if err != nil {
			return fmt.Errorf("send a frame to the sniffer: %w", err)
		}
		lost := time.After(2 * time.Second)
		for waiting := true; waiting; {
			select {
			case n := <-e.flushed:
				if n == e.flushes {
					return nil
				}
			case <-lost:
				waiting = false
			}
		}
	}
	return errors.New("the sniffer does not see its own frames")
}

// accept notes every connection until the test ends.
func (e *ears) accept(t testing.TB, l net.Listener) {
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.note(l.Addr().String(), "a connection to %s from %s", l.Addr(), c.RemoteAddr())
			c.Close()
		}
	})
}

func (e *ears) receive(t testing.TB, network string, c net.PacketConn) {
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = c.Close(); wg.Wait() })
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			e.note(network, "%d bytes by %s from %v", n, network, from)
		}
	})
}

// sniff looks at every frame of every interface for the token or the port. It takes
// CAP_NET_RAW; without it, the listeners above remain.
func (e *ears) sniff(t testing.TB) {
	const every = 0x0300 // ETH_P_ALL in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, every)
	if err != nil {
		t.Log("frames are not looked at:", err)
		return
	}
	e.flush = []byte("flush-" + rand.Text())
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
	end := make(chan struct{})
	var wg sync.WaitGroup
	t.Cleanup(func() { close(end); wg.Wait(); unix.Close(fd) })
	wg.Go(func() {
		b := make([]byte, 64<<10)
		for {
			select {
			case <-end:
				return
			default:
			}
			n, _, err := unix.Recvfrom(fd, b, 0)
			if err != nil {
				if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
					time.Sleep(10 * time.Millisecond) // an interface went down
				}
				continue
			}
			frame := b[:n]
			if i := bytes.Index(frame, e.flush); i >= 0 && i+len(e.flush) < n {
				select {
				case e.flushed <- frame[i+len(e.flush)]:
				default:
				}
			}
			if bytes.Contains(frame, e.token) || e.mine(frame) {
				e.note("frame", "a frame of %d bytes: % x", n, frame[:min(n, 64)])
			}
		}
	})
}

// mine tells whether an Ethernet frame goes to the port, by TCP or UDP.
func (e *ears) mine(frame []byte) bool {
	if len(frame) < 14 {
		return false
	}
	packet := frame[14:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_IP:
		if len(packet) < 20 || packet[9] != unix.IPPROTO_TCP && packet[9] != unix.IPPROTO_UDP {
			return false
		}
		packet = packet[min(len(packet), int(packet[0]&15)*4):]
	case unix.ETH_P_IPV6:
		if len(packet) < 40 || packet[6] != unix.IPPROTO_TCP && packet[6] != unix.IPPROTO_UDP {
			return false
		}
		packet = packet[40:]
	default:
		return false
	}
	return len(packet) >= 4 && binary.BigEndian.Uint16(packet[2:]) == e.port
}

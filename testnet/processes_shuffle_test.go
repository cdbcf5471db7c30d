//go:build unix

package testnet_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// shuffle is a UDP path to a rig on which datagrams overtake each other, are lost
// and come twice: so do the streams of a QUIC connection, which wait for their own
// alone.
type shuffle struct {
	to    *net.UDPAddr
	ended sync.WaitGroup // every goroutine of the path

	mu      sync.Mutex // guards what follows
	sockets []*net.UDPConn
	over    bool
}

// disorder is the most that a datagram is held back, and the share of those lost
// and of those sent twice, in percent.
const (
	disorder = 20 * time.Millisecond
	lost     = 2
	doubled  = 5
)

// shuffled puts a shuffle before a rig. A member that is given its profile knows no
// other way into the network.
func (s *scene) shuffled(rig *member) (profile string) {
	s.t.Helper()
	to, err := net.ResolveUDPAddr("udp4", "127.0.0.1:"+s.port(rig, "udp"))
	s.must(err)
	f := &shuffle{to: to}
	front, err := f.open()
	s.must(err)
	f.ended.Go(func() { f.serve(front) })
	s.t.Cleanup(func() {
		f.mu.Lock()
		f.over = true
		for _, c := range f.sockets {
			c.Close()
		}
		f.mu.Unlock()
		f.ended.Wait()
	})
	return s.knowing(rig, fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", front.LocalAddr().(*net.UDPAddr).Port))
}

// open makes a socket that the end closes.
func (f *shuffle) open() (*net.UDPConn, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sockets = append(f.sockets, c)
	if f.over {
		c.Close()
	}
	return c, nil
}

// serve gives each requester a socket of its own to the rig.
func (f *shuffle) serve(front *net.UDPConn) {
	backs := map[string]*net.UDPConn{}
	for buf := make([]byte, 1<<16); ; {
		n, from, err := front.ReadFromUDP(buf)
		if err != nil {
			return
		}
		back := backs[from.String()]
		if back == nil {
			if back, err = f.open(); err != nil {
				return
			}
			backs[from.String()] = back
			f.ended.Go(func() { f.answer(front, back, from) })
		}
		f.pass(back, f.to, buf[:n])
	}
}

func (f *shuffle) answer(front, back *net.UDPConn, to *net.UDPAddr) {
	for buf := make([]byte, 1<<16); ; {
		n, _, err := back.ReadFromUDP(buf)
		if err != nil {
			return
		}
		f.pass(front, to, buf[:n])
	}
}

// pass sends a datagram on some time from now, or not, or twice.
func (f *shuffle) pass(by *net.UDPConn, to *net.UDPAddr, datagram []byte) {
	copies := 1
	switch p := rand.IntN(100); {
	case p < lost:
		copies = 0
	case p < lost+doubled:
		copies = 2
	}
	kept := append([]byte(nil), datagram...)
	for range copies {
		f.ended.Go(func() {
			<-time.After(rand.N(disorder))
			_, _ = by.WriteToUDP(kept, to) // the path may be over
		})
	}
}

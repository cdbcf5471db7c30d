//go:build unix

package testnet_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/node/network"
)

// The two directions of a path to a rig.
const (
	toRig = iota
	fromRig
)

// relay is a TCP path to a rig on which everything comes late and what is under way
// can be held, also the news that an end is gone.
type relay struct {
	listener net.Listener
	to       string // host:port
	over     chan struct{}
	ended    sync.WaitGroup // every goroutine of the relay

	mu     sync.Mutex       // guards what follows, each by direction
	held   [2]chan struct{} // closed when it is let go; nil where all flows
	caught [2]bool          // something waits there
}

// late is how much later a relay delivers.
const late = 15 * time.Millisecond

// relayed puts a relay before a rig. A member that is given its profile knows no
// other way into the network.
func (s *scene) relayed(rig *member) (*relay, string) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	r := &relay{listener: l, to: fmt.Sprint("127.0.0.1:", s.port(rig, "tcp")), over: make(chan struct{})}
	r.ended.Go(r.accept)
	s.t.Cleanup(func() {
		close(r.over)
		l.Close()
		r.ended.Wait()
	})
	return r, s.knowing(rig, fmt.Sprint("/ip4/127.0.0.1/tcp/", l.Addr().(*net.TCPAddr).Port))
}

func (r *relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.to)
		if err != nil {
			near.Close()
			continue
		}
		r.ended.Go(func() { r.carry(far, near, toRig) })
		r.ended.Go(func() { r.carry(near, far, fromRig) })
		r.ended.Go(func() {
			<-r.over
			near.Close()
			far.Close()
		})
	}
}

func (r *relay) carry(to io.WriteCloser, from io.Reader, way int) {
	defer to.Close()
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if !r.wait(way) {
			return
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// wait lets time pass, and then whatever holds this direction; false is the end.
func (r *relay) wait(way int) bool {
	gate := make(chan struct{})
	time.AfterFunc(late, func() { close(gate) })
	for gate != nil {
		select {
		case <-gate:
		case <-r.over:
			return false
		}
		r.mu.Lock()
		gate = r.held[way]
		r.caught[way] = gate != nil
		r.mu.Unlock()
	}
	return true
}

func (r *relay) hold(way int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[way] = make(chan struct{})
}

func (r *relay) release(way int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.held[way])
	r.held[way] = nil
}

// held waits until something is held on the way.
func (s *scene) held(r *relay, way int) {
	s.t.Helper()
	s.until("something is on the way", func() (bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.caught[way], nil
	})
}

// port is where a member listens for a transport.
func (s *scene) port(m *member, transport string) (port string) {
	s.t.Helper()
	info, err := s.api(m).Info(s.ctx)
	s.must(err)
	for _, a := range info.Listen {
		if _, after, ok := strings.Cut(a, "/"+transport+"/"); ok {
			port, _, _ = strings.Cut(after, "/")
			return port
		}
	}
	s.t.Fatalf("%s does not listen on %s: %v", m.name, transport, info.Listen)
	return ""
}

// knowing writes a profile whose bootstrap node is the rig, at these addresses.
func (s *scene) knowing(rig *member, addrs ...string) string {
	s.t.Helper()
	id, err := network.PeerID(rig.key.Public())
	s.must(err)
	profile := *s.net.Profile
	profile.Bootstrap = nil
	for _, a := range addrs {
		profile.Bootstrap = append(profile.Bootstrap, a+"/p2p/"+id.String())
	}
	f, err := os.CreateTemp(s.dir, "known*.toml")
	s.must(err)
	s.must(f.Close())
	s.must(profile.Write(f.Name()))
	return f.Name()
}

package testnet_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/protocol"
)

// Services, bought and sold by processes of the built binary: a container that listens is
// reached through --publish, by its requester alone, until that stops it or the rig is gone
// (SPEC §5.7).
func TestServices(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"in gVisor", func(s *scene) { serviceUsed(s, node.HeldByGvisor) }},
		{"in namespaces", func(s *scene) { serviceUsed(s, node.HeldByNamespaces) }},
		{"the rig killed", serviceRigKilled},
		{"its program ends, or never listens", serviceEnds},
		{"another's", serviceOfAnother},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

var leadsTo = regexp.MustCompile(`(127\.0\.0\.1:\d+) leads to port 80 of the service`)

// service starts the guest's server behind a port of this machine and waits until it
// answers.
func (s *scene) service(m *member, args ...string) (c *command, url string) {
	s.t.Helper()
	c = s.container(m, append(append([]string{"--publish", "80"}, args...), "--", "serve", "80")...)
	s.until("the service's port is told", func() (bool, error) {
		if c.ended() {
			return false, fmt.Errorf("it ended with %d:\n%s", c.code, c.log)
		}
		m := leadsTo.FindStringSubmatch(c.log.String())
		if m != nil {
			url = "http://" + m[1]
		}
		return m != nil, nil
	})
	s.until("the service answers", func() (bool, error) {
		if c.ended() {
			return false, fmt.Errorf("it ended with %d:\n%s", c.code, c.log)
		}
		got, err := s.post(url, []byte("hello"))
		return err == nil && got == sumOf([]byte("hello")), nil
	})
	return c, url
}

func sumOf(b []byte) string { return fmt.Sprintf("%d %x", len(b), sha256.Sum256(b)) }

func (s *scene) post(url string, body []byte) (string, error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, url+"/sum", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// get reads an answer to its end and returns its hash.
func (s *scene) get(url string) (string, error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	h := sha256.New()
	n, err := io.Copy(h, res.Body)
	return fmt.Sprintf("%d %x", n, h.Sum(nil)), err
}

// serviceUsed: large uploads and downloads arrive as they are, through many ticks, fifty
// connections at once; Ctrl-C ends it with exit code 0, what it used is paid, and no port
// is left open.
func serviceUsed(s *scene, held string) {
	alice, bob, _ := s.heldBy(held)
	c, url := s.service(bob, "--budget", "1")
	big := make([]byte, 64<<20)
	rand.New(rand.NewSource(1)).Read(big)
	if got, err := s.post(url, big); err != nil || got != sumOf(big) {
		s.t.Errorf("an upload of %d bytes arrives as %s, %v", len(big), got, err)
	}
	down := make([]byte, 64<<20)
	_, err := io.ReadFull(rand.New(rand.NewSource(int64(len(down)))), down)
	s.must(err)
	if got, err := s.get(fmt.Sprintf("%s/bytes?n=%d", url, len(down))); err != nil || got != sumOf(down) {
		s.t.Errorf("a download of %d bytes arrives as %s, %v", len(down), got, err)
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			body := bytes.Repeat([]byte{byte(i)}, 64<<10)
			if got, err := s.post(url, body); err != nil || got != sumOf(body) {
				s.t.Errorf("connection %d: %s, %v", i, got, err)
			}
		})
	}
	wg.Wait()
	c.finish(syscall.SIGINT, 0)
	c.says("stopped")
	if _, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
		s.t.Error("the local port is open still")
	}
	rec := s.bought(bob)[0]
	if rec.Job.State != protocol.StateSettled || rec.Job.Reason != protocol.ReasonStopped || rec.Job.Units < sceneTick {
		s.t.Errorf("the service ended %s (%s) with %d units", rec.Job.State, rec.Job.Reason, rec.Job.Units)
	}
	s.same("the rig is paid for all of it", s.earned(alice), rec.Job.Due)
	s.same("what the rig was promised", s.earned(alice), s.collect(alice, bob))
}

// serviceRigKilled: who uses it sees its connection break and not end, and who bought it is
// told whose fault it was; it does not come up elsewhere in silence.
func serviceRigKilled(s *scene) {
	alice, bob, up := s.sandboxed()
	c, url := s.service(bob, "--retries", "2", "--budget", "1")
	began, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		res, err := http.Get(url + "/endless")
		if err == nil {
			_, err = io.ReadFull(res.Body, make([]byte, 1<<20))
			close(began)
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
			}
			res.Body.Close()
		}
		ended <- err
	}()
	select {
	case <-began:
	case err := <-ended:
		s.t.Fatal(err)
	}
	up.kill()
	if err := <-ended; err == nil {
		s.t.Error("a download that broke looks complete")
	}
	c.exits(125)
	c.says("peer_lost")
	if n := len(s.bought(bob)); n != 1 {
		s.t.Errorf("%d jobs were bought", n)
	}
	s.selling(bob, alice) // which clears up after its other life
}

// serviceEnds: a service that ends by itself ends the run with its exit code; a port where
// nobody listens leads nowhere, which is told, and the budget is a cap as for a task.
func serviceEnds(s *scene) {
	_, bob, _ := s.heldBy(node.HeldByNamespaces)
	c, url := s.service(bob)
	if _, err := s.get(url + "/exit"); err == nil {
		s.t.Error("an answer of a program that was gone")
	}
	c.exits(7)
	silent := s.container(bob, "--publish", "80", "--budget", "0.003", "--", "spin")
	s.until("it runs", func() (bool, error) { return leadsTo.MatchString(silent.log.String()) || silent.ended(), nil })
	if m := leadsTo.FindStringSubmatch(silent.log.String()); m != nil {
		if _, err := s.get("http://" + m[1]); err == nil {
			s.t.Error("an answer from a port where nobody listens")
		}
	}
	silent.exits(123)
	s.start(bob, "run", "-p", "80", "a.wasm").exits(2)
	s.container(bob, "-p", "80/udp").exits(2)
	s.container(bob, "-p", "example.org:80:80").exits(2)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer l.Close()
	taken := s.container(bob, "-p", fmt.Sprintf("%d:80", l.Addr().(*net.TCPAddr).Port))
	taken.exits(1)
	taken.says("address already in use")
}

// serviceOfAnother: a peer that knows the job's ID reaches nothing, and learns not even
// that it is one.
func serviceOfAnother(s *scene) {
	_, bob, _ := s.heldBy(node.HeldByNamespaces)
	c, _ := s.service(bob)
	owner := s.api(bob)
	runs, err := owner.Runs(s.ctx)
	s.must(err)
	conn, err := owner.Dial(s.ctx, runs[0].ID.String(), 80)
	s.must(err)
	s.must(conn.Close())
	_, err = owner.Dial(s.ctx, runs[0].ID.String(), 81)
	refused := func(err error, want string) {
		s.t.Helper()
		var no *node.APIError
		if !errors.As(err, &no) || !strings.Contains(no.Message, want) {
			s.t.Errorf("err = %v, want %q", err, want)
		}
	}
	refused(err, "unreachable")
	known, unknown := s.foreignDial(runs[0], runs[0].Job), s.foreignDial(runs[0], protocol.Hash{1})
	if known != unknown || known.Reason != protocol.ReasonUnreachable {
		s.t.Errorf("another peer is told %v of the job, and %v of none", known, unknown)
	}
	c.finish(syscall.SIGTERM, 0)
	_, err = owner.Dial(s.ctx, runs[0].ID.String(), 80)
	if err == nil {
		s.t.Error("a service that was stopped is reached")
	}
}

// foreignDial asks the rig of a run for a job's port as a peer that has bought nothing.
func (s *scene) foreignDial(st node.RunStatus, job protocol.Hash) exchange.RefusedDialError {
	s.t.Helper()
	key, err := protocol.NewKey()
	s.must(err)
	id, err := crypto.UnmarshalSecp256k1PrivateKey(key.Bytes())
	s.must(err)
	h, err := libp2p.New(libp2p.Identity(id), libp2p.NoListenAddrs, libp2p.DisableMetrics(),
		libp2p.ProtocolVersion("rerig/"+s.net.Profile.Name+"/1"))
	s.must(err)
	defer h.Close()
	found, err := s.net.Bootstrap.Client.Market(s.ctx, protocol.Filter{Engine: protocol.EngineContainer})
	s.must(err)
	for _, o := range found.Offers {
		if o.Rig != st.Rig {
			continue
		}
		rig := peer.AddrInfo{}
		rig.ID, err = peer.Decode(o.Peer)
		s.must(err)
		for _, addr := range o.Addrs {
			a, err := ma.NewMultiaddr(addr)
			s.must(err)
			rig.Addrs = append(rig.Addrs, a)
		}
		s.must(h.Connect(s.ctx, rig))
		_, err = exchange.DialPort(s.ctx, h, s.net.Profile.Name, rig.ID, job, 80)
		var no *exchange.RefusedDialError
		if !errors.As(err, &no) {
			s.t.Fatalf("a foreign dial: %v", err)
		}
		return *no
	}
	s.t.Fatal("the rig is not on the market")
	panic("unreachable")
}

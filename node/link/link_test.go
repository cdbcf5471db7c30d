package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testNet = "test"

// rig is a host with links, of which one job is a member.
type rig struct {
	host.Host
	links  *Links
	member *Member
	inside chan net.Conn   // the job's ends of connections that others opened
	froms  chan netip.Addr // and from whom
	place  protocol.LinkMember
}

func newRig(t *testing.T, rank int) *rig {
	t.Helper()
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	id, err := crypto.UnmarshalSecp256k1PrivateKey(key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(libp2p.Identity(id), libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Host: h, inside: make(chan net.Conn, 8), froms: make(chan netip.Addr, 8),
		links: New(Config{Host: h, Network: testNet, LocalNet: true, Logger: slog.New(slog.DiscardHandler)})}
	r.place = protocol.LinkMember{Peer: h.ID().String(), Job: protocol.Keccak([]byte{byte(rank)})}
	for _, a := range h.Addrs() {
		r.place.Addrs = append(r.place.Addrs, a.String())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.links.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, h.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// join makes the rigs' jobs members of one link, each answering its dials.
func join(t *testing.T, key byte, rigs ...*rig) {
	t.Helper()
	var list []protocol.LinkMember
	for _, r := range rigs {
		list = append(list, r.place)
	}
	for i, r := range rigs {
		var err error
		if r.member, err = r.links.Join(Place{Job: r.place.Job, Key: bytes.Repeat([]byte{key}, protocol.LinkKeyBytes), Rank: i, Members: list}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.member.Close)
		r.member.Attach(func(ctx context.Context, from netip.Addr, port uint16) (Conn, error) {
			switch port {
			case 1:
				return nil, errors.New("refused by the job")
			case 2: // nothing comes of it
				<-ctx.Done()
				return nil, ctx.Err()
			}
			job, ours := pair(t)
			r.inside <- job
			r.froms <- from
			return ours, nil
		})
	}
}

// tcp is a TCP connection that can be reset.
type tcp struct {
	*net.TCPConn
	passed chan struct{} // closed by CloseRead
}

func (c tcp) Reset() error { return errors.Join(c.SetLinger(0), c.Close()) }

func (c tcp) CloseRead() error {
	close(c.passed)
	return nil
}

// pair is both ends of a connection.
func pair(t *testing.T) (a net.Conn, b tcp) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{a, c} {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	return a, tcp{c.(*net.TCPConn), make(chan struct{})}
}

// connect has r's job connect to a port of another's.
func connect(t *testing.T, r *rig, rank int, port uint16) (net.Conn, error) {
	t.Helper()
	c, _, err := connected(t, r, rank, port)
	return c, err
}

// connected is connect that tells when all is passed on that the job sent.
func connected(t *testing.T, r *rig, rank int, port uint16) (_ net.Conn, passed <-chan struct{}, err error) {
	t.Helper()
	serve, err := r.member.Open(t.Context(), rank, port)
	if err != nil {
		return nil, nil, err
	}
	job, ours := pair(t)
	done := make(chan struct{})
	go func() { defer close(done); serve(ours) }()
	t.Cleanup(func() { job.Close(); <-done })
	return job, ours.passed, nil
}

// TestBytesGoBothWays: what one member sends the other gets, whole and in order, and each
// side's end is the other's.
func TestBytesGoBothWays(t *testing.T) {
	a, b := newRig(t, 0), newRig(t, 1)
	join(t, 7, a, b)
	for range 3 { // the first one connects the rigs
		out, err := connect(t, a, 1, 29500)
		if err != nil {
			t.Fatal(err)
		}
		in := <-b.inside
		if from := <-b.froms; from != protocol.LinkAddr(0).Addr() {
			t.Errorf("it comes from %s", from)
		}
		sent := bytes.Repeat([]byte("a link carries bytes "), 1<<18)
		go func() {
			_, _ = out.Write(sent) // in sees what did not come
			_ = out.(*net.TCPConn).CloseWrite()
		}()
		if got, err := io.ReadAll(in); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("%d of %d bytes, %v", len(got), len(sent), err)
		}
		fmt.Fprint(in, "thank you")
		in.Close()
		if got, err := io.ReadAll(out); err != nil || string(got) != "thank you" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if _, err := connect(t, b, 0, 1); err == nil || !strings.Contains(err.Error(), "refused by the job") {
		t.Errorf("a port on which nothing listens: %v", err)
	}
}

// TestOnlyMembersGetIn: nobody but the peer of the list, with the link's key and its own job,
// has an answer.
func TestOnlyMembersGetIn(t *testing.T) {
	a, b, c := newRig(t, 0), newRig(t, 1), newRig(t, 2)
	join(t, 7, a, b)
	key := bytes.Repeat([]byte{7}, protocol.LinkKeyBytes)
	open := protocol.LinkOpen{Version: protocol.Version, From: a.place.Job, To: b.place.Job, Port: 80}
	proved := func(from *rig, key protocol.LinkKey, change func(*protocol.LinkOpen)) *protocol.LinkOpen {
		o := open
		change(&o)
		o.Proof = protocol.LinkProof(key, from.ID().String(), b.ID().String(), &o)
		return &o
	}
	same := func(*protocol.LinkOpen) {}
	for name, try := range map[string]struct {
		from *rig
		open *protocol.LinkOpen
	}{
		"a stranger who has the key":        {c, proved(c, key, same)},
		"a stranger who has seen a proof":   {c, proved(a, key, same)},
		"a member without the key":          {a, proved(a, bytes.Repeat([]byte{8}, 32), same)},
		"a member without a proof":          {a, &open},
		"a member in another job's name":    {a, proved(a, key, func(o *protocol.LinkOpen) { o.From = c.place.Job })},
		"a member in the job's own name":    {a, proved(a, key, func(o *protocol.LinkOpen) { o.From = b.place.Job })},
		"a member to a job that is not":     {a, proved(a, key, func(o *protocol.LinkOpen) { o.To = c.place.Job })},
		"a member to no port":               {a, proved(a, key, func(o *protocol.LinkOpen) { o.Port = 0 })},
		"a proof of another port, changed":  {a, func() *protocol.LinkOpen { o := proved(a, key, same); o.Port = 81; return o }()},
		"a critical extension nobody knows": {a, proved(a, key, func(o *protocol.LinkOpen) { o.Crit = protocol.Extensions{"x": nil} })},
	} {
		if got := ask(t, try.from, b, try.open); got != nil {
			t.Errorf("%s is answered %+v", name, got)
		}
	}
	if got := ask(t, a, b, proved(a, key, same)); got == nil || got.Reason != protocol.ReasonNone {
		t.Errorf("the member itself is answered %+v", got)
	}
	if len(b.inside) != 1 {
		t.Errorf("the job was dialled %d times, want once", len(b.inside))
	}
	b.member.Close()
	if got := ask(t, a, b, proved(a, key, same)); got != nil {
		t.Errorf("after the job's end the member is answered %+v", got)
	}
}

// ask sends a first frame as it is and returns the answer, nil for none.
func ask(t *testing.T, from, to *rig, o *protocol.LinkOpen) *protocol.Dialed {
	t.Helper()
	if err := from.Connect(t.Context(), peer.AddrInfo{ID: to.ID(), Addrs: to.Addrs()}); err != nil {
		t.Fatal(err)
	}
	raw, err := from.NewStream(t.Context(), to.ID(), ID(testNet))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Reset()
	b, err := protocol.Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := protocol.WriteFrame(raw, b, protocol.MaxDialFrame); err != nil {
		return nil // it was broken off before
	}
	if b, err = protocol.ReadFrame(raw, protocol.MaxDialFrame); err != nil {
		return nil
	}
	d, err := protocol.DecodeDialed(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestEndsArePassedOn: a connection that breaks on one side breaks on the other.
func TestEndsArePassedOn(t *testing.T) {
	a, b := newRig(t, 0), newRig(t, 1)
	join(t, 7, a, b)
	broken := func(what string, c net.Conn) {
		t.Helper()
		if _, err := io.Copy(io.Discard, c); err == nil {
			t.Errorf("%s: the other side sees a proper end", what)
		}
	}
	for _, c := range []struct {
		what string
		end  func(mine net.Conn)
	}{
		{"the job's end is reset", func(mine net.Conn) { _ = tcp{TCPConn: mine.(*net.TCPConn)}.Reset() }},
		{"the rigs part", func(net.Conn) { _ = b.Network().ClosePeer(a.ID()) }},
		{"the other job ends", func(net.Conn) { b.member.Close() }},
	} {
		out, err := connect(t, a, 1, 80)
		if err != nil {
			t.Fatal(err)
		}
		<-b.froms
		in := <-b.inside
		c.end(in)
		broken(c.what, out)
	}
}

// TestEndedJobIsHeard: what a job sent before it ended reaches the other member, who reads it
// when the job is long gone, and who then learns that nobody hears it.
func TestEndedJobIsHeard(t *testing.T) {
	a, b := newRig(t, 0), newRig(t, 1)
	join(t, 7, a, b)
	out, passed, err := connected(t, a, 1, 80)
	if err != nil {
		t.Fatal(err)
	}
	in := <-b.inside
	sent := bytes.Repeat([]byte("a link carries bytes "), 1<<14)
	if _, err := out.Write(sent); err != nil {
		t.Fatal(err)
	}
	out.Close()
	<-passed
	a.member.Close()
	if got, err := io.ReadAll(in); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d of %d bytes, %v", len(got), len(sent), err)
	}
	for { // the deadline of the test's connections ends it otherwise
		if _, err := in.Write(make([]byte, 1<<10)); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("nobody tells the other member that the job is gone")
			}
			return
		}
	}
}

// TestJoinRefuses member lists that are of another job or another rig.
func TestJoinRefuses(t *testing.T) {
	a, b := newRig(t, 0), newRig(t, 1)
	list := []protocol.LinkMember{a.place, b.place}
	nobody := protocol.LinkMember{Peer: "nobody", Job: b.place.Job}
	for name, p := range map[string]Place{
		"of another job":              {Job: b.place.Job, Rank: 0, Members: list},
		"of another rank":             {Job: a.place.Job, Rank: 1, Members: list},
		"too short":                   {Job: a.place.Job, Rank: 2, Members: list},
		"with a name that is no peer": {Job: a.place.Job, Rank: 0, Members: []protocol.LinkMember{a.place, nobody}},
		"of another rig":              {Job: b.place.Job, Rank: 1, Members: list},
	} {
		if _, err := a.links.Join(p); err == nil {
			t.Errorf("a list %s is taken", name)
		}
	}
	join(t, 7, a, b)
	if _, err := a.links.Join(a.member.place); err == nil {
		t.Error("a job is in its link twice")
	}
}

// TestUsableAddresses: on a public network no requester can send a rig looking around in its
// own, by whatever an address is called.
func TestUsableAddresses(t *testing.T) {
	good := []string{"/ip4/8.8.8.8/tcp/4001", "/ip6/2606:4700:4700::1111/udp/4001/quic-v1",
		"/ip4/8.8.4.4/tcp/4001/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit"}
	bad := []string{"/ip4/127.0.0.1/tcp/4001", "/ip4/192.168.1.1/tcp/80", "/ip4/169.254.169.254/tcp/80", "/ip6/::1/tcp/1",
		"/dns/router.example/tcp/80", "/dns4/router.example/tcp/80", "/dns6/router.example/tcp/80", "/dnsaddr/router.example",
		"/ip4/8.8.8.8/tcp/443/tls/sni/router.example/ws/dns4/router.example/tcp/80",
		"/ip6/64:ff9b::c0a8:101/tcp/80", "/ip6/2002:c0a8:101::1/tcp/80", "/ip6/2001:0:4136:e378:8000:63bf:3fff:fdd2/tcp/80",
		"/ip6/::ffff:192.168.1.1/tcp/80", "/ip6zone/eth0/ip6/fe80::1/tcp/80", "/ip6/fd00::1/tcp/80", "/unix/run/docker.sock",
		"/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"}
	l := New(Config{})
	for _, text := range bad {
		if _, err := ma.NewMultiaddr(text); err != nil {
			t.Errorf("%s is no address: %v", text, err)
		}
		if got := l.usable([]string{text}); len(got) != 0 {
			t.Errorf("%s is usable", text)
		}
	}
	if got := l.usable(append([]string{"nonsense"}, good...)); len(got) != len(good) {
		t.Errorf("usable are %v", got)
	}
	l.cfg.LocalNet = true
	if got := l.usable(bad[:5]); len(got) != 5 {
		t.Errorf("usable on a local network are %v", got)
	}
}

// silent opens streams to a rig that say nothing and tells how many were broken off.
func silent(t *testing.T, from, to *rig, streams int) (refused <-chan struct{}) {
	t.Helper()
	if err := from.Connect(t.Context(), peer.AddrInfo{ID: to.ID(), Addrs: to.Addrs()}); err != nil {
		t.Fatal(err)
	}
	heard := make(chan struct{}, streams)
	for range streams {
		raw, err := from.NewStream(t.Context(), to.ID(), ID(testNet))
		if err != nil {
			t.Fatal(err)
		}
		var reader sync.WaitGroup
		t.Cleanup(func() { _ = raw.Reset(); reader.Wait() })
		if _, err := raw.Write([]byte{0}); err != nil {
			heard <- struct{}{}
			continue
		}
		reader.Go(func() {
			if _, err := raw.Read(make([]byte, 1)); errors.Is(err, network.ErrReset) {
				heard <- struct{}{}
			}
		})
	}
	return heard
}

// TestStreamsAreCapped: strangers have no place among the streams that are opening, and no
// member can take those of another.
func TestStreamsAreCapped(t *testing.T) {
	a, b, c, stranger := newRig(t, 0), newRig(t, 1), newRig(t, 2), newRig(t, 3)
	join(t, 7, a, b, c)
	refused := silent(t, stranger, b, maxOpening)
	for range maxOpening {
		<-refused
	}
	const over = 4
	refused = silent(t, a, b, maxOpeningPeer+over)
	for range over {
		<-refused
	}
	if _, err := connect(t, c, 1, 80); err != nil {
		t.Fatalf("another member: %v", err)
	}
	(<-b.inside).Close()
}

// TestPlacesAreGivenBack: a connection that a job is slow to take is none that is opening.
func TestPlacesAreGivenBack(t *testing.T) {
	a, b := newRig(t, 0), newRig(t, 1)
	join(t, 7, a, b)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	for n := range maxOpeningPeer + 4 {
		asking.Go(func() { _, _ = a.member.Open(ctx, 1, 2) })
		for asked := false; !asked && !t.Failed(); {
			b.links.mu.Lock()
			asked = len(b.links.streams) == n+1 && b.links.opening == 0
			b.links.mu.Unlock()
			if ctx.Err() != nil {
				t.Error(ctx.Err())
			}
			runtime.Gosched()
		}
	}
	if _, err := connect(t, a, 1, 80); err != nil {
		t.Fatal(err)
	}
	(<-b.inside).Close()
}

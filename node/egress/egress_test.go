package egress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tcp is a TCP connection that can be reset.
type tcp struct{ *net.TCPConn }

func (c tcp) Reset() error { return errors.Join(c.SetLinger(0), c.Close()) }

// serve makes a proxy reachable at an address. Its world is this machine's loopback, under
// every name, unless a test says otherwise.
func serve(t *testing.T, change func(*Proxy), hosts ...string) (addr string) {
	t.Helper()
	p := New(Config{Hosts: hosts, Logger: slog.New(slog.DiscardHandler)})
	p.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	p.allowed = func(netip.Addr) bool { return true }
	if change != nil {
		change(p)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}) // closed when the listener has ended
	ended := make(chan struct{}, 2*MaxConns)
	begun := 0
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			begun++
			go func() {
				p.Serve(ctx, tcp{c.(*net.TCPConn)})
				c.Close()
				ended <- struct{}{}
			}()
		}
	}()
	t.Cleanup(func() {
		cancel()
		l.Close()
		<-done
		for range begun {
			<-ended
		}
	})
	return l.Addr().String()
}

// say sends a request as it is and returns the answer's first line and body.
func say(t *testing.T, proxy, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", proxy)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode == http.StatusOK {
		return r.Status
	}
	b, _ := io.ReadAll(r.Body)
	return r.Status + ": " + string(b)
}

// TestListedHostIsReached by an ordinary client that is told of a proxy.
func TestListedHostIsReached(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello ", r.Host)
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	host := "example.com:" + port // as the test's certificate has it
	proxy, _ := url.Parse("http://" + serve(t, nil, "other.example:443", host))
	client := server.Client()
	transport := client.Transport.(*http.Transport)
	transport.Proxy = http.ProxyURL(proxy)
	defer transport.CloseIdleConnections()
	r, err := client.Get("https://" + host)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, err := io.ReadAll(r.Body); err != nil || string(b) != "hello "+host {
		t.Errorf("%q, %v", b, err)
	}
	unlisted, err := client.Get("https://unlisted.example:" + port)
	if err == nil {
		unlisted.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("a host that is not listed: %v", err)
	}
}

// TestOtherRequestsAreRefused, whatever a job sends.
func TestOtherRequestsAreRefused(t *testing.T) {
	proxy := serve(t, nil, "good.example:443", "good.example:22")
	for text, want := range map[string]string{
		"CONNECT bad.example:443 HTTP/1.1\r\n\r\n":                            "403",
		"CONNECT good.example:80 HTTP/1.1\r\n\r\n":                            "403",
		"CONNECT good.example.evil.example:443 HTTP/1.1\r\n\r\n":              "403",
		"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: good.example:443\r\n\r\n":    "403",
		"CONNECT 2130706433:443 HTTP/1.1\r\n\r\n":                             "403",
		"CONNECT [::1]:443 HTTP/1.1\r\n\r\n":                                  "400",
		"CONNECT good.example@127.0.0.1:443 HTTP/1.1\r\n\r\n":                 "400",
		"CONNECT good.example:0443 HTTP/1.1\r\n\r\n":                          "400",
		"CONNECT good.example:99999 HTTP/1.1\r\n\r\n":                         "400",
		"CONNECT good.example HTTP/1.1\r\n\r\n":                               "400",
		"CONNECT good.example%00:443 HTTP/1.1\r\n\r\n":                        "400",
		"GET http://good.example:443/ HTTP/1.1\r\nHost: good.example\r\n\r\n": "400",
		"GET / HTTP/1.1\r\nHost: good.example:443\r\n\r\n":                    "400",
		"nonsense\r\n\r\n": "400",
		"CONNECT good.example:443 HTTP/1.1\r\nX: " + strings.Repeat("x", maxHeader) + "\r\n\r\n": "400",
	} {
		if got := say(t, proxy, text); !strings.HasPrefix(got, want) {
			t.Errorf("%.60q is answered %q, want %s", text, got, want)
		}
	}
}

// TestEveryAddressIsChecked: a listed name leads nowhere that is not public, be it one of
// several addresses, and what was checked is what is dialled.
func TestEveryAddressIsChecked(t *testing.T) {
	ask := "CONNECT good.example:443 HTTP/1.1\r\n\r\n"
	for _, addrs := range []string{"127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "fd00::1",
		"::ffff:127.0.0.1", "::ffff:192.168.1.1", "64:ff9b::a00:1", "2002:7f00:1::", "0.0.0.0", "224.0.0.1", "255.255.255.255", "8.8.8.8 127.0.0.1"} {
		proxy := serve(t, func(p *Proxy) {
			p.allowed = Public
			p.lookup = func(context.Context, string) (list []netip.Addr, err error) {
				for _, a := range strings.Fields(addrs) {
					list = append(list, netip.MustParseAddr(a))
				}
				return list, nil
			}
		}, "good.example:443")
		if got := say(t, proxy, ask); !strings.Contains(got, "not of the public internet") {
			t.Errorf("a name that is %s: %q", addrs, got)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	looked := 0
	proxy := serve(t, func(p *Proxy) {
		p.lookup = func(context.Context, string) ([]netip.Addr, error) { // another answer each time
			looked++
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, byte(looked)})}, nil
		}
		p.allowed = func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.1") }
	}, "good.example:"+port)
	if got := say(t, proxy, "CONNECT good.example:"+port+" HTTP/1.1\r\n\r\n"); !strings.HasPrefix(got, "200") || looked != 1 {
		t.Errorf("after %d looks: %q", looked, got)
	}
	if got := say(t, proxy, "CONNECT good.example:"+port+" HTTP/1.1\r\n\r\n"); !strings.Contains(got, "not of the public internet") {
		t.Errorf("the name leads elsewhere now: %q", got)
	}
}

// TestPublic addresses are other machines' on the internet, and not this one's neighbours.
func TestPublic(t *testing.T) {
	var own []net.Addr
	for _, text := range []string{"127.0.0.1/8", "8.8.4.1/24", "2606:4700:1:2:3:4:5:6/64", "fe80::1/64"} {
		ip, n, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		own = append(own, &net.IPNet{IP: ip, Mask: n.Mask})
	}
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700:4700::1111": true, "10.1.2.3": false, "64:ff9b::808:808": false,
		"8.8.4.1": false, "8.8.4.7": false, "::ffff:8.8.4.7": false, "8.8.5.7": true,
		"2606:4700:1:2:3:4:5:6": false, "2606:4700:1:2::7": false, "2606:4700:1:3::7": true,
	} {
		if got := public(netip.MustParseAddr(text), own); got != want {
			t.Errorf("%s: public is %v, want %v", text, got, want)
		}
	}
	if public(netip.MustParseAddr("8.8.8.8"), []net.Addr{&net.IPAddr{}}) {
		t.Error("a neighbour of nobody knows whom is public")
	}
	if Public(netip.MustParseAddr("127.0.0.1")) || Public(netip.Addr{}) {
		t.Error("this machine is public")
	}
}

// TestShareIsCapped: a job's bytes and connections end where its share does.
func TestShareIsCapped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	host := "good.example:" + port
	proxy := serve(t, func(p *Proxy) { p.left.Store(1000) }, host)
	open := func() net.Conn {
		c, err := net.Dial("tcp", proxy)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\n\r\n", host)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close() // there is none: what follows is the connection
		return c
	}
	var last net.Conn
	for range MaxConns {
		last = open()
	}
	if got := say(t, proxy, "CONNECT "+host+" HTTP/1.1\r\n\r\n"); !strings.HasPrefix(got, "429") {
		t.Errorf("one more than %d: %q", MaxConns, got)
	}
	if _, err := last.Write(make([]byte, 1001)); err != nil {
		t.Fatal(err)
	}
	if _, err := last.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("over its bytes the connection ends with %v", err)
	}
}

// noted is a connection that tells when all is passed on that the job sent.
type noted struct {
	tcp
	passed chan struct{}
}

func (c noted) CloseRead() error {
	close(c.passed)
	return nil
}

// TestEndedJobIsHeard: what a job sent before it ended reaches the host, who reads it when
// the job is gone.
func TestEndedJobIsHeard(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	_, port, _ := net.SplitHostPort(far.Addr().String())
	p := New(Config{Hosts: []string{"good.example:" + port}, Logger: slog.New(slog.DiscardHandler)})
	p.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	p.allowed = func(netip.Addr) bool { return true }
	job, err := net.Dial("tcp", near.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sent := strings.Repeat("heard ", 5000)
	fmt.Fprintf(job, "CONNECT good.example:%s HTTP/1.1\r\n\r\n%s", port, sent)
	_ = job.(*net.TCPConn).CloseWrite() // its socket is closed with it, in order
	defer job.Close()
	c, err := near.Accept()
	if err != nil {
		t.Fatal(err)
	}
	passed := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() {
		defer close(served)
		p.Serve(ctx, noted{tcp{c.(*net.TCPConn)}, passed})
	}()
	out, err := far.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	<-passed
	cancel() // as the end of the job's network
	<-served
	if got, err := io.ReadAll(out); err != nil || string(got) != sent {
		t.Errorf("%d of %d bytes, %v", len(got), len(sent), err)
	}
}

// TestPolicy: a miner allows hosts, hosts' ports, or all that is public.
func TestPolicy(t *testing.T) {
	p, err := ParsePolicy([]string{"a.example", "b.example:443"})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{"a.example:1": true, "a.example:443": true, "b.example:443": true, "b.example:80": false, "c.example:443": false} {
		if p.Allows(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	if every, err := ParsePolicy([]string{AnyPublic}); err != nil || !every.Allows("c.example:443") || every.None() {
		t.Error("any-public does not allow all:", err)
	}
	if none, err := ParsePolicy(nil); err != nil || !none.None() || none.Allows("a.example:443") || !(*Policy)(nil).None() {
		t.Error("nothing allows something:", err)
	}
	for _, bad := range []string{"*", "*.example", "a.example:0", "http://a.example", "A.example", "", "a.example:443:1"} {
		if _, err := ParsePolicy([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

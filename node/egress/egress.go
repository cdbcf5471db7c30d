// Package egress lets a job reach the few hosts that it named and its miner allows
// (SPEC §5.10): through an HTTP proxy that knows CONNECT alone, looks names up itself, and
// connects to nothing but addresses of the public internet. Start at ParsePolicy and New.
package egress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Limits of one job's proxy.
const (
	// MaxConns is how many connections it has open at once.
	MaxConns = 32
	// MaxBytes is how many bytes they carry in all, both ways together.
	MaxBytes = 8 << 30

	maxHeader  = 8 << 10          // bytes of a request
	headerWait = 10 * time.Second // for a request
	dialWait   = 10 * time.Second // to look a name up and connect
	pieceBytes = 64 << 10
)

// AnyPublic as an entry of a policy allows every host of the public internet.
const AnyPublic = "any-public"

// Policy is what a miner allows. The zero value is nothing.
type Policy struct {
	any   bool
	hosts map[string]bool // host:port, and host: for every port
}

// ParsePolicy reads HOST, HOST:PORT and AnyPublic.
func ParsePolicy(entries []string) (*Policy, error) {
	p := &Policy{hosts: map[string]bool{}}
	for _, e := range entries {
		if e == AnyPublic {
			p.any = true
			continue
		}
		text := e
		if !strings.Contains(e, ":") {
			text += ":1"
		}
		if err := protocol.CheckHost("allow-egress", text); err != nil {
			return nil, err
		}
		if text != e {
			e += ":"
		}
		p.hosts[e] = true
	}
	return p, nil
}

// Allows tells whether jobs may reach host:port.
func (p *Policy) Allows(host string) bool {
	if p == nil {
		return false
	}
	name, _, _ := strings.Cut(host, ":")
	return p.any || p.hosts[host] || p.hosts[name+":"]
}

// None tells whether nothing is allowed.
func (p *Policy) None() bool { return p == nil || !p.any && len(p.hosts) == 0 }

// Conn is a connection of the job's.
type Conn interface {
	net.Conn
	CloseWrite() error
	CloseRead() error // says that all that the job sent has been passed on
	Reset() error
}

// Config is what a Proxy needs.
type Config struct {
	// Hosts are all that the job may reach, as host:port.
	Hosts []string
	// Logger is told of every connection.
	Logger *slog.Logger
}

// Proxy is one job's. Its methods may be called from any goroutine.
type Proxy struct {
	cfg    Config
	places chan struct{} // one element for each connection
	left   atomic.Int64  // bytes that may still pass

	// The world outside, which tests replace by one that they made.
	lookup  func(context.Context, string) ([]netip.Addr, error)
	allowed func(netip.Addr) bool
}

// New prepares a job's proxy.
func New(cfg Config) *Proxy {
	p := &Proxy{cfg: cfg, places: make(chan struct{}, MaxConns), lookup: lookup, allowed: Public}
	p.left.Store(MaxBytes)
	return p
}

// lookup knows whole names only: none is looked for in the domain of the rig's own network.
func lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name+".")
}

// Serve answers one connection of the job's to the proxy, and returns when it has ended. The
// caller closes it. It ends with ctx.
func (p *Proxy) Serve(ctx context.Context, c Conn) {
	defer context.AfterFunc(ctx, func() { _ = c.Reset() })()
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		answer(c, http.StatusTooManyRequests, fmt.Sprintf("at most %d connections at once", MaxConns))
		return
	}
	in, host, err := request(c)
	if err != nil {
		answer(c, http.StatusBadRequest, err.Error())
		return
	}
	if !slices.Contains(p.cfg.Hosts, host) {
		p.cfg.Logger.Info("egress refused", "host", host, "why", "the job has not named it")
		answer(c, http.StatusForbidden, "the job has not named "+host)
		return
	}
	out, err := p.dial(ctx, host)
	if err != nil {
		p.cfg.Logger.Info("egress refused", "host", host, "why", err)
		answer(c, http.StatusBadGateway, err.Error())
		return
	}
	defer func() { _ = out.Close() }() // both ways have ended
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	sent, got := p.carry(ctx, c, in, out)
	p.cfg.Logger.Info("egress", "host", host, "addr", out.RemoteAddr(), "bytes_out", sent, "bytes_in", got)
}

// request reads what the job wants: CONNECT host:port, and nothing else.
// What comes behind it is in rest.
func request(c Conn) (rest io.Reader, host string, err error) {
	if err := c.SetReadDeadline(time.Now().Add(headerWait)); err != nil {
		return nil, "", err
	}
	limited := &io.LimitedReader{R: c, N: maxHeader}
	in := bufio.NewReader(limited)
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, "", fmt.Errorf("no HTTP request of at most %d bytes came in %v", maxHeader, headerWait)
	}
	if r.Method != http.MethodConnect {
		return nil, "", fmt.Errorf("method %.16q: this proxy knows CONNECT only, so use https:// or a client that tunnels", r.Method)
	}
	host = strings.ToLower(r.RequestURI)
	if err := protocol.CheckHost("CONNECT", host); err != nil {
		return nil, "", err
	}
	limited.N = math.MaxInt64
	return in, host, c.SetReadDeadline(time.Time{})
}

// answer tells the job why not, in one line.
func answer(c Conn, code int, why string) {
	_ = c.SetWriteDeadline(time.Now().Add(headerWait))
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n",
		code, http.StatusText(code), len(why)+1, why) // a job that is gone need not know
}

// dial looks the name up, checks every address that it has, and connects to one of those:
// what the name means a moment later is of no matter.
func (p *Proxy) dial(ctx context.Context, host string) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return nil, err
	}
	addrs, err := p.lookup(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("look up %s: no answer", name) // the resolver's own words tell of the rig's network
	}
	for _, a := range addrs {
		if !p.allowed(a) {
			return nil, fmt.Errorf("%s has an address that is not of the public internet", name)
		}
	}
	for _, a := range addrs {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return c.(*net.TCPConn), nil
		}
	}
	return nil, fmt.Errorf("%s does not answer", host)
}

// carry moves bytes both ways until both have ended, the job's share is used up, or ctx is done.
func (p *Proxy) carry(ctx context.Context, c Conn, in io.Reader, out *net.TCPConn) (sent, got int64) {
	abandon := func() {
		_ = c.Reset() // there is nobody to tell
		_ = out.Close()
	}
	defer context.AfterFunc(ctx, abandon)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		if sent, err = p.pour(out, in); err != nil {
			abandon()
		}
		_ = c.CloseRead() // it only takes note
	}()
	var err error
	if got, err = p.pour(c, out); err != nil {
		abandon()
	}
	<-done
	return sent, got
}

// pour copies until the end of from, and passes that on.
func (p *Proxy) pour(to interface {
	io.Writer
	CloseWrite() error
}, from io.Reader) (n int64, err error) {
	buf := make([]byte, pieceBytes)
	for {
		m, err := from.Read(buf)
		if m > 0 {
			if p.left.Add(-int64(m)) < 0 {
				return n, fmt.Errorf("over %d bytes", int64(MaxBytes))
			}
			if _, err := to.Write(buf[:m]); err != nil {
				return n, err
			}
			n += int64(m)
		}
		if err == io.EOF {
			return n, to.CloseWrite()
		}
		if err != nil {
			return n, err
		}
	}
}

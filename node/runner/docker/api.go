package docker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"
)

// Limits of the conversation with the engine.
const (
	// minAPI is the oldest API spoken (Docker 20.10): it has one-shot statistics and
	// private cgroup namespaces.
	minAPI = "1.41"
	// answerBytes is the most that is read of one answer.
	answerBytes = 8 << 20
)

// patience is how long the engine may take.
type patience struct {
	call   time.Duration // for a plain request
	start  time.Duration // to create or start a container, or to sweep
	load   time.Duration // to import a skeleton
	sample time.Duration // to say what a job uses
	kill   time.Duration // to kill, before a container is left to Run's sweeping
	drain  time.Duration // to end the output after the program
	sweep  time.Duration // before containers that could not be removed are tried again
}

var defaultPatience = patience{
	call: 10 * time.Second, start: 2 * time.Minute, load: 5 * time.Minute, sample: 2 * time.Second,
	kill: 20 * time.Second, drain: 10 * time.Second, sweep: 2 * time.Second,
}

// localHost is the address of the engine to use. One over TCP or SSH is refused even with
// TLS: a job's files are bound from this machine's disk.
func localHost(host string) (string, error) {
	if host == "" {
		host = os.Getenv(client.EnvOverrideHost)
	}
	if own := filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "docker.sock"); host == "" && os.Geteuid() > 0 && filepath.IsAbs(own) {
		if _, err := os.Stat(own); err == nil {
			host = "unix://" + own
		}
	}
	if host == "" {
		host = client.DefaultDockerHost
	}
	scheme, path, _ := strings.Cut(host, "://")
	if scheme != "unix" && scheme != "npipe" || path == "" {
		return "", fmt.Errorf("Docker at %q: only an engine on this machine's own socket is used, because a job's files are bound from this machine; give unix:///var/run/docker.sock", host)
	}
	return host, nil
}

// newClient makes a client whose connections each carry one request and give at most limit
// bytes, so that no answer is larger.
func newClient(host string, limit int64, more ...client.Opt) (*client.Client, error) {
	network, address, _ := strings.Cut(host, "://")
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := dialEngine(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &cappedConn{Conn: c, left: limit}, nil
	}
	// With HTTP/2, cloning the transport gives it TLS settings, and the library then
	// dials hijacked streams by itself.
	noHTTP2 := map[string]func(string, *tls.Conn) http.RoundTripper{}
	hc := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSNextProto: noHTTP2}, CheckRedirect: client.CheckRedirect}
	opts := append([]client.Opt{client.WithHTTPClient(hc), client.WithHost(host), client.WithDialContext(dial)}, more...)
	c, err := client.New(opts...)
	if err != nil {
		return nil, fmt.Errorf("open Docker at %s: %w", host, err)
	}
	return c, nil
}

// cappedConn is a connection that gives a limited number of bytes.
type cappedConn struct {
	net.Conn
	left int64 // of the connection's one reader
}

var errAnswerTooLong = errors.New("Docker's answer is over the limit")

// Read fails once the limit is passed.
func (c *cappedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errAnswerTooLong
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.Conn.Read(p)
	c.left -= int64(n)
	return n, err
}

// CloseWrite ends what is sent, where the connection can.
func (c *cappedConn) CloseWrite() error {
	if w, ok := c.Conn.(client.CloseWriter); ok {
		return w.CloseWrite()
	}
	return nil
}

// negotiate settles the API version, once, and refuses an engine that is too old.
func (e *Engine) negotiate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience.call)
	defer cancel()
	pong, err := e.api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	switch {
	case err != nil && pong.APIVersion == "":
		return fmt.Errorf("reach Docker at %s: %w", e.host, err)
	case err != nil:
		return fmt.Errorf("Docker's API %s is not spoken here, %s or newer is: update Docker: %w", pong.APIVersion, minAPI, err)
	case pong.APIVersion == "":
		return fmt.Errorf("what answers at %s does not say which API it speaks: is it Docker?", e.host)
	case versions.LessThan(pong.APIVersion, minAPI):
		return fmt.Errorf("Docker's API %s is too old, %s is needed (Docker 20.10): update Docker", pong.APIVersion, minAPI)
	}
	return nil
}

// streams is a client for one hijacked stream that gives at most limit bytes.
func (e *Engine) streams(limit int64) (*client.Client, error) {
	return newClient(e.host, limit, client.WithAPIVersion(e.api.ClientVersion()))
}

// remove kills and removes a container; one that is not there is no error.
func (e *Engine) remove(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience.call)
	defer cancel()
	_, err := e.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove a container: %w", err)
	}
	return nil
}

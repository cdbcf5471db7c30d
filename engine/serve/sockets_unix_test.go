//go:build unix

package serve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestEverySocketAnswers serves over a unix socket and an inherited descriptor.
func TestEverySocketAnswers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	begin(t, func(c *Config) { c.Listen = "unix:" + path })
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	r, err := client.Get("http://engine/health")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("the unix socket answers %d", r.StatusCode)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	fd, err := unix.Dup(int(file.Fd())) // the server closes its own
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	c := begin(t, func(c *Config) { c.Listen = fmt.Sprintf("fd:%d", fd) })
	if status, raw := c.post("/v1/completions", `{"model":"jargon","prompt":"x","max_tokens":1}`); status != http.StatusOK {
		t.Errorf("the inherited socket answers %d %s", status, raw)
	}
}

package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/node"
)

// The sender cache of go-ethereum's chain never ends.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"))
}

// socketNode is a node's control socket that answers one request after the other with
// what a test says.
func socketNode(t *testing.T, answers ...string) *Client {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, filepath.Base(node.SocketPath(dir))))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept() // Connect's look
		if err != nil {
			return
		}
		_ = c.Close()
		for _, a := range answers {
			c, err := l.Accept()
			if err != nil {
				return
			}
			req, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil || req.Header.Get("Upgrade") != node.DialUpgrade || req.URL.Query().Get("port") != "80" {
				t.Errorf("asked %+v, %v", req, err)
			}
			_, _ = io.WriteString(c, a)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	c, err := Connect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: rerig-dial\r\n\r\n"

func piece(s string) string { return string([]byte{0, 0, byte(len(s) >> 8), byte(len(s))}) + s }

// TestDial: pieces make the bytes that were sent, and only the empty piece is an end
// (SPEC §8.2).
func TestDial(t *testing.T) {
	for name, c := range map[string]struct {
		sent, want string
		err        error // nil is a good end
	}{
		"an end":                {piece("hello") + piece(" you") + piece(""), "hello you", nil},
		"nothing":               {piece(""), "", nil},
		"no end":                {piece("hello"), "hello", io.ErrUnexpectedEOF},
		"no word at all":        {"", "", io.ErrUnexpectedEOF},
		"half a length":         {piece("hello") + "\x00\x00", "hello", io.ErrUnexpectedEOF},
		"half a piece":          {piece("hello")[:6], "he", io.ErrUnexpectedEOF},
		"more than a piece has": {"\x7f\xff\xff\xff", "", errors.New("piece of 2147483647 bytes")},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := socketNode(t, upgraded+c.sent).Dial(t.Context(), "1234", 80)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			b, err := io.ReadAll(conn)
			if string(b) != c.want || (err == nil) != (c.err == nil) {
				t.Errorf("read %q, %v", b, err)
			}
			if errors.Is(c.err, io.ErrUnexpectedEOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("broken off with %v", err)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		no := `{"error":"run 1234 is queued, not running"}`
		_, err := socketNode(t, fmt.Sprintf("HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n%s", len(no), no)).Dial(t.Context(), "1234", 80)
		var e *node.APIError
		if !errors.As(err, &e) || e.Code != http.StatusConflict {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		dir := t.TempDir()
		l, err := net.Listen("unix", filepath.Join(dir, "s"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		raw, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		conn := &dialled{Conn: raw, from: bufio.NewReader(raw)}
		defer conn.Close()
		_, _ = io.WriteString(far, piece("hello")[:2]) // a deadline within a length loses nothing
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := conn.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
		_ = conn.SetReadDeadline(time.Time{})
		_, _ = io.WriteString(far, piece("hello")[2:])
		b := make([]byte, 5)
		if _, err := io.ReadFull(conn, b); err != nil || string(b) != "hello" {
			t.Errorf("read %q, %v", b, err)
		}
	})
}

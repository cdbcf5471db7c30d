package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/rerig/rerig/node"
)

// Dial connects to a TCP port inside a running service that the node bought. Deadlines
// work, CloseWrite closes for writing alone, and a Read is io.EOF only where the service
// itself closed: a connection that broke is io.ErrUnexpectedEOF. A run that does not run
// (now) and a port where nothing listens are *node.APIError.
func (c *Client) Dial(ctx context.Context, runID string, port uint16) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialWait}
	raw, err := dialer.DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	conn := &dialled{Conn: raw, from: bufio.NewReaderSize(raw, node.MaxDialPiece)}
	if err := conn.upgrade(ctx, runID, port); err != nil {
		_ = raw.Close() // the first error is the one to tell
		return nil, err
	}
	return conn, nil
}

// Delivered tells the node how many units of a session with a served model have come, or
// will be paid for, since the session began (protocol.TokenUnits). The node pays the rig up
// to one tick beyond it, and takes a rig that bills more for a fraud: report as answers
// come, and what an answer that was broken off had on its way.
func (c *Client) Delivered(ctx context.Context, runID string, units uint64) error {
	_, err := call[node.RunStatus](ctx, c, http.MethodPost, "/v1/runs/"+url.PathEscape(runID)+"/delivered", node.Delivered{Units: units})
	return err
}

// dialled is a connection into a service, through the node.
type dialled struct {
	net.Conn
	from *bufio.Reader

	mu   sync.Mutex // guards what follows; owner: Read
	head [4]byte
	got  int    // bytes of head
	left uint32 // bytes of the piece
	err  error  // how it ended
}

// upgrade makes the connection one to the port.
func (c *dialled) upgrade(ctx context.Context, runID string, port uint16) error {
	stop := context.AfterFunc(ctx, func() { _ = c.Conn.SetDeadline(time.Now()) })
	defer stop()
	path := "http://rerig/v1/runs/" + url.PathEscape(runID) + "/dial?port=" + strconv.Itoa(int(port))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, path, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", node.DialUpgrade)
	if err := req.Write(c.Conn); err != nil {
		return fmt.Errorf("ask the node: %w", err)
	}
	res, err := http.ReadResponse(c.from, req)
	if !stop() { // the deadline is set
		return fmt.Errorf("ask the node: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("ask the node: %w", err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	defer res.Body.Close()
	return refusal(res)
}

// Read reads what the service sent.
func (c *dialled) Read(b []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.left == 0 && c.err == nil {
		n, err := c.from.Read(c.head[c.got:])
		c.got += n
		if c.got == len(c.head) {
			c.got, c.left = 0, binary.BigEndian.Uint32(c.head[:])
			switch {
			case c.left == 0:
				c.err = io.EOF
			case c.left > node.MaxDialPiece:
				c.err = fmt.Errorf("the node sent a piece of %d bytes, at most %d", c.left, node.MaxDialPiece)
			}
			continue
		}
		if err != nil {
			return 0, broken(err)
		}
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err = c.from.Read(b[:min(len(b), int(c.left))])
	c.left -= uint32(n)
	return n, broken(err)
}

// broken tells an end without the empty piece from a good one.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// CloseWrite tells the service that no more comes.
func (c *dialled) CloseWrite() error { return c.Conn.(*net.UnixConn).CloseWrite() }

// refusal is the node's error.
func refusal(res *http.Response) error {
	e := &node.APIError{Code: res.StatusCode}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxReply)).Decode(e); err != nil || e.Message == "" {
		e.Message = "the node answered " + res.Status
	}
	return e
}

package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/protocol"
)

// Connections through the control socket (SPEC §8.2).
const (
	// DialUpgrade is the HTTP upgrade that makes a connection of a request.
	DialUpgrade = "rerig-dial"
	// MaxDialPiece is the most bytes in one piece of what the node sends on it.
	MaxDialPiece = 16 << 10
)

// Delivered is what the user of a session with a served model says that it had.
type Delivered struct {
	Units uint64 `json:"units"` // since the session began
}

func (c *control) delivered(r *http.Request) (any, error) {
	var d Delivered
	if err := decode(r, &d); err != nil {
		return nil, err
	}
	run, st, err := c.find(r.Context(), r.PathValue("id"))
	if err == nil && run != nil {
		run.Delivered(d.Units)
		st, _ = run.Status()
	}
	return st, err
}

// dial makes the request's connection one to a port inside a running service.
func (c *control) dial(w http.ResponseWriter, r *http.Request) {
	conn, ended, err := c.dialRun(r)
	if err != nil {
		c.answer(w, r, func(*http.Request) (any, error) { return nil, err })
		return
	}
	c.dialled.Add(1) // before the server takes the request for done
	defer c.dialled.Done()
	own, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		c.n.log.Debug("control client left", "err", err)
		conn.Abort()
		return
	}
	user := &pieces{Conn: own, from: buf.Reader}
	if _, err := own.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + DialUpgrade + "\r\n\r\n")); err != nil {
		conn.Abort()
	}
	exchange.Join(user, conn, ended)
}

// pieces is the user's end. What it is sent comes in pieces, a length of four bytes before
// each and an empty one at the end, so that it knows a connection that broke from one that
// ended: a unix socket has no word for that.
type pieces struct {
	net.Conn
	from io.Reader
	head [4]byte
}

// Read reads what the user sent, as it is.
func (p *pieces) Read(b []byte) (int, error) { return p.from.Read(b) }

// Write sends one piece, of MaxDialPiece bytes at most.
func (p *pieces) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		piece := b[:min(len(b), MaxDialPiece)]
		binary.BigEndian.PutUint32(p.head[:], uint32(len(piece)))
		both := net.Buffers{p.head[:], piece}
		if _, err := both.WriteTo(p.Conn); err != nil {
			return n, err
		}
		n, b = n+len(piece), b[len(piece):]
	}
	return n, nil
}

// CloseWrite sends the empty piece.
func (p *pieces) CloseWrite() error {
	_, err := p.Conn.Write(make([]byte, 4))
	return err
}

// dialRun connects to the port that a request names.
func (c *control) dialRun(r *http.Request) (*exchange.PortConn, <-chan struct{}, error) {
	port, err := strconv.ParseUint(r.FormValue("port"), 10, 16)
	if err != nil || port == 0 {
		return nil, nil, &protocol.FieldError{Field: "port", Limit: "1 to 65535", Got: r.FormValue("port")}
	}
	if r.Header.Get("Upgrade") != DialUpgrade {
		return nil, nil, &APIError{http.StatusUpgradeRequired, "dial: the request must be an upgrade to " + DialUpgrade}
	}
	run, st, err := c.find(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		return nil, nil, err
	case st.Kind != protocol.KindService:
		return nil, nil, &APIError{http.StatusConflict, fmt.Sprintf("run %s is no service", st.ID.Short())}
	case run == nil || st.Ended || st.State != protocol.StateRunning:
		return nil, nil, &APIError{http.StatusConflict, fmt.Sprintf("run %s is %s, not running", st.ID.Short(), st.State)}
	}
	rig, err := peer.Decode(st.Peer)
	if err != nil {
		return nil, nil, fmt.Errorf("rig of run %s: %w", st.ID.Short(), err)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	conn, err := exchange.DialPort(ctx, c.n.net.Host(), c.n.cfg.Profile.Name, rig, st.Job, uint16(port))
	if err != nil {
		var no *exchange.RefusedDialError
		if errors.As(err, &no) && no.Reason == protocol.ReasonBusy {
			return nil, nil, &APIError{http.StatusTooManyRequests, err.Error()}
		}
		return nil, nil, &APIError{http.StatusBadGateway, err.Error()}
	}
	return conn, run.Ended(), nil
}

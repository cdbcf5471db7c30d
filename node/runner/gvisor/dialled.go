//go:build linux

package gvisor

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/libp2p/go-yamux/v5"
	"golang.org/x/sys/unix"
)

// maxDialled is how many connections the helper carries at once.
const maxDialled = 1024

// carry is the helper: it connects to ports of the job's loopback as the daemon asks on
// standard input, a socket, until that is closed. It returns the exit code.
func carry() int {
	if err := unix.SetNonblock(0, true); err != nil { // else a reader of it could not be interrupted
		return 1
	}
	mux, err := yamux.Server(daemon{os.NewFile(0, "daemon")}, muxConfig(maxDialled), nil)
	if err != nil {
		return 1
	}
	for {
		st, err := mux.AcceptStream()
		if err != nil {
			return 0 // the daemon is gone
		}
		go connect(st) // ends with the stream
	}
}

// daemon makes a connection of standard input.
type daemon struct{ *os.File }

// LocalAddr says nothing.
func (daemon) LocalAddr() net.Addr { return &net.UnixAddr{} }

// RemoteAddr says nothing.
func (daemon) RemoteAddr() net.Addr { return &net.UnixAddr{} }

// connect carries one connection.
func connect(st *yamux.Stream) {
	var port [2]byte
	if _, err := io.ReadFull(st, port[:]); err != nil {
		_ = st.Reset() // whoever asked has left
		return
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port[0])<<8|int(port[1]))), dialInside)
	if err != nil {
		_, _ = fmt.Fprint(st, err)
		_ = st.CloseWrite() // the daemon closes it
		return
	}
	defer conn.Close()
	if _, err := st.Write([]byte{0}); err != nil {
		_ = st.Reset()
		return
	}
	tcp := conn.(*net.TCPConn)
	var both sync.WaitGroup
	one := func(to io.Writer, from io.Reader, end func() error) {
		// Without the faces of a TCP connection the copy keeps to the buffer.
		_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 16<<10))
		if err == nil {
			err = end()
		}
		if err != nil { // one that broke is no end
			_ = tcp.SetLinger(0)
			_, _ = tcp.Close(), st.Reset()
		}
	}
	both.Go(func() { one(tcp, st, tcp.CloseWrite) })
	one(st, tcp, st.CloseWrite)
	both.Wait()
	_ = st.Close() // both ways have ended
}

//go:build linux

package gvisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-yamux/v5"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// gVisor's own port forwarding drops what a program inside does not read in time: it writes
// to its stack what there is room for and forgets the rest, and it knows no half-closed
// connection. So this program is started in the sandbox as a helper, at the first Dial, and
// carries all of the job's connections over one socket. It is one of the job's processes,
// and what it uses is the job's.
const (
	helperPath = "/.rerig"              // where the helper is in a sandbox
	dialEnv    = "RERIG_CONTAINER_DIAL" // makes it one
	// dialAnswer is the most of the helper's words that are read.
	dialAnswer = 256
	// dialInside is how long the helper tries to connect.
	dialInside = 10 * time.Second
)

// muxConfig is how connections share the socket. Nothing times out: a job may be halted.
// The other side, which the job may take over, can make this one hold 256 KiB for each
// connection that the daemon opened, and opens none itself.
func muxConfig(accept uint32) *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive, c.MeasureRTTInterval, c.ConnectionWriteTimeout = false, 24*time.Hour, 24*time.Hour
	c.MaxIncomingStreams, c.MaxStreamWindowSize = accept, c.InitialStreamWindowSize
	c.LogOutput = io.Discard
	return c
}

// helperMount shows the program in a sandbox. Where it is gone from the disk, or a newer one
// is being put there, jobs start without it and cannot be dialled.
func helperMount(program string) []specs.Mount {
	path, err := filepath.EvalSymlinks(program)
	if err != nil {
		return nil
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return []specs.Mount{{Destination: helperPath, Type: "bind", Source: path, Options: []string{"bind", "ro", "nosuid", "nodev"}}}
}

// Dial connects to a TCP port on the job's own loopback.
func (j *Job) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	c, err := j.dial(ctx, port)
	if err != nil {
		return nil, fmt.Errorf("dial port %d of the job: %w", port, err)
	}
	return c, nil
}

func (j *Job) dial(ctx context.Context, port uint16) (*muxed, error) {
	mux, err := j.muxer(ctx)
	if err != nil {
		return nil, err
	}
	st, err := mux.OpenStream(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the helper inside: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = st.Reset() })
	err = ask(st, port)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = st.Reset() // the first error is the one to tell
		return nil, err
	}
	return &muxed{Stream: st}, nil
}

// ask has the helper connect. It answers with a zero byte, or with why not.
func ask(st *yamux.Stream, port uint16) error {
	if _, err := st.Write([]byte{byte(port >> 8), byte(port)}); err != nil {
		return err
	}
	var first [1]byte
	if _, err := io.ReadFull(st, first[:]); err != nil {
		return fmt.Errorf("the helper inside said nothing: %w", err)
	}
	if first[0] == 0 {
		return nil
	}
	rest, _ := io.ReadAll(io.LimitReader(st, dialAnswer)) // what there is of it
	return fmt.Errorf("%q", append(first[:], rest...))
}

// muxer is the connection to the helper, which is started where there is none.
func (j *Job) muxer(ctx context.Context) (*yamux.Session, error) {
	select {
	case j.dialling <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-j.dialling }()
	if j.mux != nil && !j.mux.IsClosed() {
		return j.mux, nil
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "ours"), os.NewFile(uintptr(ends[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	args := executeArgs{Argv: []string{helperPath}, Envv: []string{dialEnv + "=1"}, WorkDir: "/", ContainerID: j.id,
		KUID: j.spec.UID, KGID: j.spec.GID, NoNewPrivileges: true, GuestFDs: []int{0}}
	var pid int32
	if err := j.call(ctx, methodExecute, args, &pid, theirs); err != nil {
		conn.Close()
		return nil, fmt.Errorf("start the helper inside: %w", err)
	}
	mux, err := yamux.Client(conn, muxConfig(0), nil)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("reach the helper inside: %w", err)
	}
	j.mux = mux
	go func() { // lives as long as the helper or the job
		select {
		case <-j.done:
		case <-mux.CloseChan():
		}
		_ = mux.Close() // the sandbox is gone, or the helper is
	}()
	return mux, nil
}

// muxed is a connection that the helper carries.
type muxed struct {
	*yamux.Stream
	ended atomic.Bool // nothing more comes
}

// Read gives what came from the job's port.
func (m *muxed) Read(b []byte) (int, error) {
	n, err := m.Stream.Read(b)
	if errors.Is(err, io.EOF) {
		m.ended.Store(true)
	}
	return n, err
}

// Close closes both ways. Where the job could still send it is told to stop, and what was
// written and has not arrived may be lost: read to the end first.
func (m *muxed) Close() error {
	if m.ended.Load() {
		return m.Stream.Close()
	}
	return m.Stream.Reset()
}

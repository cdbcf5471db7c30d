//go:build linux

package namespaces

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

const (
	// maxMessage caps a message: a job's arguments and environment, escaped.
	maxMessage = 4 << 20
	// maxFiles caps the open files that go with one: those of askSetup.
	maxFiles = 5 + runner.MaxDriverFiles
)

// kind is what a message says.
type kind string

// From the daemon to a sandbox's init, each with what it has of message's fields.
const (
	askSetup kind = "setup" // Setup; files: stdout, stderr, then root, in and those of cards where they are given
	askGo    kind = "go"    // start the job's program
	askDial  kind = "dial"  // ID, Port
	askExec  kind = "exec"  // ID, Argv; files: stdin, stdout, stderr
	askKill  kind = "kill"  // ID of an exec
	askUsage kind = "usage" // ID
)

// From a sandbox's init to the daemon.
const (
	sayReady   kind = "ready"   // file: /out, where there is one
	sayStarted kind = "started" // the job's program runs
	sayExited  kind = "exited"  // Code: the job is over
	sayFailed  kind = "failed"  // Failure, Error: it did not get that far
	sayAnswer  kind = "answer"  // ID, and Code or Error or Usage; file: the connection
)

// message is one message between the daemon and a sandbox's init. What a job writes is
// never in one.
type message struct {
	Kind    kind
	ID      uint64             `json:",omitempty"`
	Setup   *setup             `json:",omitempty"`
	Argv    []string           `json:",omitempty"`
	Port    uint16             `json:",omitempty"`
	Code    int                `json:",omitempty"`
	Usage   *tally             `json:",omitempty"`
	Failure runner.FailureKind `json:",omitempty"`
	Error   string             `json:",omitempty"`

	files []*os.File // the receiver's to close
}

// setup is a job as its init must know it.
type setup struct {
	Args, Env     []string
	WorkDir       string
	UID, GID      uint32
	Groups        bool // this user may set its groups: it is mapped by root
	Root, In      string
	RootFD, InFD  bool // Root and In come as files
	HasIn, HasOut bool
	ScratchBytes  uint64
	OutputBytes   uint64
	OutputFiles   int
	UserProcesses uint64
	Cores         []int
	Devices       runner.Devices
}

// tally is what init counts where no control group does.
type tally struct {
	CPUNanos uint64
	Memory   uint64
}

// control is one end of the socket between the daemon and an init.
type control struct {
	conn *net.UnixConn

	mu sync.Mutex // held while a message is written
}

// newControl takes over one end of a socket pair.
func newControl(f *os.File) (*control, error) {
	conn, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return nil, err
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("the control socket is a %T", conn)
	}
	return &control{conn: u}, nil
}

// socketPair makes both ends; neither is inherited by accident.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("connect a sandbox: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control"), nil
}

// send writes a message, its length before it. The files stay the caller's.
func (c *control) send(m message, files ...*os.File) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(body) > maxMessage {
		return fmt.Errorf("a message of %d bytes is over %d", len(body), maxMessage)
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	if _, _, err := c.conn.WriteMsgUnix(head, rights, nil); err != nil {
		return err
	}
	_, err = c.conn.Write(body)
	return err
}

// receive reads the next message. The caller closes its files.
func (c *control) receive() (*message, error) {
	var head [4]byte
	rights := make([]byte, unix.CmsgSpace(maxFiles*4))
	n, nr, _, _, err := c.conn.ReadMsgUnix(head[:], rights)
	if err != nil {
		return nil, err
	}
	m := &message{}
	if m.files, err = received(rights[:nr]); err != nil {
		return nil, err
	}
	if n < len(head) {
		_, err = io.ReadFull(c.conn, head[n:])
	}
	size := binary.BigEndian.Uint32(head[:])
	if err == nil && size > maxMessage {
		err = fmt.Errorf("a message of %d bytes is over %d", size, maxMessage)
	}
	if err == nil {
		body := make([]byte, size)
		if _, err = io.ReadFull(c.conn, body); err == nil {
			err = json.Unmarshal(body, m)
		}
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// received takes the open files out of a message's rights.
func received(rights []byte) ([]*os.File, error) {
	if len(rights) == 0 {
		return nil, nil
	}
	list, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range list {
		fds, err := unix.ParseUnixRights(&list[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

func (m *message) close() {
	for _, f := range m.files {
		f.Close()
	}
	m.files = nil
}

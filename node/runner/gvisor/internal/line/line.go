//go:build linux

// Package line is what the engine and the first process of a sandbox, its init, say to each
// other: one order with a job's files, then reports until the job has ended. Each is one
// message of a SOCK_SEQPACKET socket pair.
package line

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// InitName is argv[0] of a sandbox's init. gVisor names its own processes runsc-….
	InitName = "runsc-init"
	// Command is init's subcommand.
	Command = "init"
	// FD is the file descriptor of init's end.
	FD = 3
	// HostName is the machine's name as jobs see it.
	HostName = "rig"
	// OOMScore has the kernel end a job before anything of the miner's when the machine
	// itself runs out of memory.
	OOMScore = "800"
	// maxMessage is the longest message, in bytes.
	maxMessage = 64 << 10
)

// Annotations of a job's OCI spec that a sandbox's processes read.
const (
	AnnotationRoot   = "org.rerig.root"   // the host directory with the container's files
	AnnotationCPUs   = "org.rerig.cpus"   // how many the job sees
	AnnotationMemory = "org.rerig.memory" // bytes that the job sees
	AnnotationSpare  = "org.rerig.spare"  // cores beyond these on which gVisor itself may run
)

// Order is the job that an init gets.
type Order struct {
	ID      string
	Dir     string // the job's bundle
	Scratch uint64 // how much it may write outside /out, in bytes
	NVIDIA  string // the driver's version, for a job with cards
	Network bool   // it has a network interface

	Out      string // its output directory on the host; "" for none
	OutBytes uint64 // how much it may write there
	OutFiles int
}

// The files that come with an order.
const (
	State = iota // the directory of gVisor's state; it carries the job's lock
	Stdin        // the job's own
	Stdout
	Stderr
	Files
)

// What an output directory may be full of.
const (
	FullBytes = "bytes"
	FullFiles = "files"
)

// Report is what a sandbox's init tells the daemon.
type Report struct {
	// Started tells that the job's program runs.
	Started bool `json:",omitempty"`
	// Held tells that the output directory has no room for more than the job may write.
	Held bool `json:",omitempty"`
	// Full tells of what there was no room for in it: FullBytes or FullFiles.
	Full string `json:",omitempty"`
	// Exited tells that the program has ended, with Status as wait(2) has it.
	Exited bool   `json:",omitempty"`
	Status uint32 `json:",omitempty"`
	// Error is why there is no sandbox, or why it broke.
	Error string `json:",omitempty"`
	// Program tells that Error is about the program: the sandbox itself had started.
	Program bool `json:",omitempty"`
	// Cards tells that Error is about the job's cards.
	Cards bool `json:",omitempty"`
}

// Last tells that nothing follows the report.
func (r *Report) Last() bool { return !r.Started && r.Full == "" }

// Send sends a report to the daemon.
func (r Report) Send(line *net.UnixConn) error {
	r.Error = r.Error[:min(len(r.Error), maxMessage/8)] // JSON may make six bytes of one
	text, err := json.Marshal(r)
	if err == nil {
		_, err = line.Write(text)
	}
	return err
}

// Hear waits for init's next report; nil when it has ended.
func Hear(line *net.UnixConn) *Report {
	buf := make([]byte, maxMessage)
	n, err := line.Read(buf)
	if err != nil {
		return nil
	}
	r := new(Report)
	if err := json.Unmarshal(buf[:n], r); err != nil {
		return &Report{Error: "decode the sandbox's report: " + err.Error()}
	}
	return r
}

// Send hands init its job.
func (o Order) Send(line *net.UnixConn, files [Files]*os.File) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	var fds [Files]int
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	_, _, err = line.WriteMsgUnix(text, unix.UnixRights(fds[:]...), nil)
	return err
}

// Receive waits for init's job; it fails when the daemon ends first.
func Receive(line *net.UnixConn) (o Order, files [Files]*os.File, err error) {
	buf, oob := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4*Files))
	n, oobn, _, _, err := line.ReadMsgUnix(buf, oob)
	if err != nil {
		return o, files, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return o, files, err
	}
	if n == 0 || len(messages) != 1 {
		return o, files, errors.New("the daemon sent no job")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return o, files, err
	}
	if len(fds) != Files {
		return o, files, fmt.Errorf("the daemon sent %d files", len(fds))
	}
	for i, fd := range fds {
		unix.CloseOnExec(fd)
		files[i] = os.NewFile(uintptr(fd), "")
	}
	return o, files, json.Unmarshal(buf[:n], &o)
}

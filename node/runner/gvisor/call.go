//go:build linux

package gvisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// maxAnswer is the longest answer of a sandbox's kernel that is read, in bytes.
const maxAnswer = 64 << 10

// The methods of gVisor's control server (runsc/boot/controller.go) that are called here. Their
// arguments have the fields of gVisor's own that differ from zero: importing those would link
// all of its kernel.
const (
	methodExecute = "containerManager.ExecuteAsync"
	methodWaitPID = "containerManager.WaitPID"
	methodSignal  = "containerManager.Signal"
	methodPause   = "containerManager.Pause"
	methodResume  = "containerManager.Resume"
)

// executeArgs come with the files that GuestFDs numbers.
type executeArgs struct {
	Argv            []string `json:"argv"`
	Envv            []string `json:"envv"`
	WorkDir         string   `json:"wd"`
	KUID, KGID      uint32
	NoNewPrivileges bool
	Capabilities    struct{} // none
	GuestFDs        []int
	ContainerID     string
}

type waitArgs struct {
	PID int32
	CID string
}

// signalArgs reach one process, which is mode 0.
type signalArgs struct {
	CID   string
	Signo int32
	PID   int32
}

// exchange calls a method over a connection to the control server, as gVisor's pkg/urpc does:
// JSON both ways, files with the first byte.
func exchange(conn *net.UnixConn, method string, arg, result any, files []*os.File) error {
	text, err := json.Marshal(struct {
		Method string `json:"method"`
		Arg    any    `json:"arg"`
	}{method, arg})
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	n, _, err := conn.WriteMsgUnix(text, rights, nil)
	if err == nil && n < len(text) {
		_, err = conn.Write(text[n:])
	}
	if err != nil {
		return fmt.Errorf("ask the sandbox: %w", err)
	}
	var answer struct {
		Success bool            `json:"success"`
		Err     string          `json:"err"`
		Result  json.RawMessage `json:"result"`
	}
	if err := json.NewDecoder(io.LimitReader(conn, maxAnswer)).Decode(&answer); err != nil {
		return fmt.Errorf("read the sandbox's answer: %w", err)
	}
	if !answer.Success {
		return errors.New(answer.Err)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("decode the sandbox's answer: %w", err)
	}
	return nil
}

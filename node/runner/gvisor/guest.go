//go:build linux

package gvisor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner/tap"
)

// The probe's guest is this program inside a sandbox. The variable says what it does there.
const (
	probeEnv   = "RERIG_CONTAINER_PROBE"
	probeEcho  = "echo"
	probeGrow  = "grow"
	probeFork  = "fork"
	probeServe = "serve"
	probeCall  = "call"
	probeCards = "cards"

	probeCode = 7
	probeSaid = "rerig\n"
	probePort = 8080
	// probeAway is an address that no network has (RFC 5737).
	probeAway = "192.0.2.1:9"
)

// guest is what the program does inside the probe's sandbox; it returns the exit code.
func guest(action string) int {
	var err error
	switch action {
	case probeEcho:
		if err = sealed(); err == nil {
			fmt.Print(probeSaid)
			return probeCode
		}
	case probeGrow:
		for hold := [][]byte{}; len(hold) < 4*probeMemory>>20; {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			hold = append(hold, b)
		}
		err = errors.New("nothing refused the memory")
	case probeFork:
		err = fork()
	case probeServe:
		err = serve()
	case probeCall:
		err = tap.Call()
	case probeCards:
		err = listCards()
	default:
		err = fmt.Errorf("no probe %q", action)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// sealed checks that the sandbox shows nothing of the host.
func sealed() error {
	all, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 {
			return fmt.Errorf("there is a network interface %s", i.Name)
		}
	}
	if conn, err := net.DialTimeout("tcp", probeAway, time.Second); !errors.Is(err, unix.ENETUNREACH) {
		if err == nil {
			conn.Close()
		}
		return fmt.Errorf("dialling another machine: %v, want that the network is unreachable", err)
	}
	if err := os.WriteFile("/in/rerig-probe", nil, 0o600); err == nil {
		return errors.New("a read-only directory took a file")
	}
	if err := unix.Mount("none", "/tmp", "tmpfs", 0, ""); err == nil {
		return errors.New("a mount was allowed")
	}
	return nil
}

// fork makes processes that wait until one is refused.
func fork() error {
	for n := range 10 * probeProcesses {
		pid, _, errno := unix.RawSyscall(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0)
		switch {
		case errno != 0:
			fmt.Println("refused after", n, errno)
			return nil
		case pid == 0:
			for { // no Go code may run here
				_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
			}
		}
	}
	return errors.New("no process was refused")
}

// serve answers every connection until it is killed.
func serve() error {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", probePort))
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		_, _ = conn.Write([]byte(probeSaid)) // the probe sees what arrives
		conn.Close()
	}
}

package docker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// first is the container's first process (launch.go): it runs the job's program with the
// environment that the job asked for, collects what the program leaves, and exits as the
// program did. drop names what Docker added to the environment.
func first(drop string, argv []string, in io.Reader, out io.Writer) error {
	// Processes of the same user can neither trace it nor take its files then.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	program, err := exec.LookPath(argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		_, _ = fmt.Fprintf(out, "%c%v", sayRefused, err) // whoever reads it ends the container
		os.Exit(127)
	}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(strings.Split(drop, ","), name)
	})
	if _, err := out.Write([]byte{sayReady}); err != nil {
		return err
	}
	trailer := make([]byte, trailerSize)
	if _, err := io.ReadFull(in, trailer); err != nil {
		return err
	}
	closed := make(chan struct{}) // closed by the goroutine; it ends with the process
	ended := make(chan struct{})  // closed below
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, in)
		select {
		case <-ended:
		default:
			os.Exit(128 + int(unix.SIGKILL)) // the rig let go: all ends with the first process
		}
	}()
	code, err := runFirst(program, argv, env)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	close(ended)
	if _, err := out.Write(trailer); err != nil {
		return err
	}
	<-closed
	os.Exit(code)
	return nil
}

// runFirst runs a program until it ends, then kills and collects what is left.
func runFirst(program string, argv, env []string) (code int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 126, err
	}
	pid, err := syscall.ForkExec(program, argv, &syscall.ProcAttr{Env: env, Files: []uintptr{null.Fd(), 1, 2}})
	if err != nil {
		return 126, fmt.Errorf("start %s: %w", program, err)
	}
	for {
		var status unix.WaitStatus
		got, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil: // nothing is left
			return code, nil
		case got != pid:
			continue
		case status.Signaled():
			code = 128 + int(status.Signal())
		default:
			code = status.ExitStatus()
		}
		if err := unix.Kill(-1, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return code, nil // those that cannot be killed end with this process
		}
	}
}

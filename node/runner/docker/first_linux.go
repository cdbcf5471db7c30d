package docker

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// first is the container's first process (launch.go): it runs the job's program with the
// environment that the job asked for, collects what the program leaves, and exits as the
// program did. drop names what Docker added to the environment, output the
// directory to send at the end.
func first(drop, output string, argv []string, in io.Reader, out io.Writer) error {
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
	var code atomic.Int32
	code.Store(128 + int32(unix.SIGKILL))
	go func() { // ends the process: the rig let go, and all ends with the first process
		_, _ = io.Copy(io.Discard, in)
		os.Exit(int(code.Load()))
	}()
	status, refused := runFirst(program, argv, env)
	code.Store(int32(status))
	sent := bufio.NewWriterSize(out, 32<<10)
	_, err = sent.Write(trailer)
	switch {
	case err != nil:
	case refused != nil:
		_, err = fmt.Fprintf(sent, "%c%v", sayRefused, refused)
	case output == "":
		err = sent.WriteByte(sayReady)
	default:
		if err := sent.WriteByte(sayReady); err != nil {
			return err
		}
		if err := pack(output, sent); err != nil {
			fmt.Fprintln(os.Stderr, err) // the rig sees an archive that is cut
			_ = sent.Flush()
			os.Exit(1)
		}
	}
	if err := errors.Join(err, sent.Flush()); err != nil {
		return err
	}
	select {}
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
		if errors.Is(err, unix.ECHILD) {
			return code, nil
		}
		if got != pid || err != nil {
			continue
		}
		if code = status.ExitStatus(); status.Signaled() {
			code = 128 + int(status.Signal())
		}
		_ = unix.Kill(-1, unix.SIGKILL) // there may be nothing; the rest ends with this process
	}
}

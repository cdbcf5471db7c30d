//go:build unix

package governor

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// group is the process group of a command.
type group struct{ pid int }

// killTime is how long killed processes may take to go: those that a driver holds in the
// kernel take longest.
const killTime = 10 * time.Second

func start(cmd *exec.Cmd) (group, error) {
	cmd.SysProcAttr = childAttr()
	if err := cmd.Start(); err != nil {
		return group{}, err
	}
	return group{cmd.Process.Pid}, nil
}

// ask sends SIGTERM to all of it.
func (g group) ask() { _ = syscall.Kill(-g.pid, syscall.SIGTERM) } // what has ended is what was asked for

// end kills what is left and waits until nothing is. The leader's ID is not given to another
// process while its group has members.
func (g group) end() error {
	for over := time.Now().Add(killTime); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Kill(-g.pid, syscall.SIGKILL)
		// EPERM is macOS's word for zombies; on Linux, another user's process that lives.
		if errors.Is(err, syscall.ESRCH) || runtime.GOOS != "linux" && errors.Is(err, syscall.EPERM) || onlyZombies(g.pid) {
			return nil
		}
		if time.Now().After(over) {
			return fmt.Errorf("idle command: process group %d does not end; a driver may hold it, restart the machine", g.pid)
		}
	}
}

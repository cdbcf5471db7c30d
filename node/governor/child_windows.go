package governor

import (
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job object: Windows ends all of its processes when its last handle is closed,
// which it is when the rig ends, however that does. Unproven: no test runs on Windows.
type group struct {
	pid    int
	object windows.Handle
}

func start(cmd *exec.Cmd) (group, error) {
	object, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return group{}, fmt.Errorf("make a job object: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(object, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		_ = windows.CloseHandle(object) // it is empty
		return group{}, fmt.Errorf("limit a job object: %w", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		_ = windows.CloseHandle(object)
		return group{}, err
	}
	g := group{cmd.Process.Pid, object}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(g.pid))
	if err == nil {
		err = windows.AssignProcessToJobObject(object, process)
		_ = windows.CloseHandle(process)
	}
	if err != nil {
		_ = cmd.Process.Kill() // it has done nothing yet
		_ = cmd.Wait()
		_ = windows.CloseHandle(object)
		return group{}, fmt.Errorf("put the idle command into its job object: %w", err)
	}
	return g, nil
}

// ask sends CTRL_BREAK, which a console program may handle.
func (g group) ask() {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.pid)) // a program without a console is killed
}

// end kills all of it.
func (g group) end() error {
	err := windows.TerminateJobObject(g.object, 1)
	_ = windows.CloseHandle(g.object)
	if err != nil {
		return fmt.Errorf("end the idle command: %w", err)
	}
	return nil
}

// sweep finds nothing: the job object ended all.
func sweep(string) int { return 0 }

package runner

import (
	"os"
	"syscall"
)

func sandboxAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{HideWindow: true} }

func pauseProcess(*os.Process) error  { return ErrPauseUnsupported }
func resumeProcess(*os.Process) error { return ErrPauseUnsupported }

package wasm

import (
	"os"
	"syscall"

	"github.com/rerig/rerig/node/runner"
)

func sandboxAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{HideWindow: true} }

func pauseProcess(*os.Process) error  { return runner.ErrPauseUnsupported }
func resumeProcess(*os.Process) error { return runner.ErrPauseUnsupported }

package wasm

import "syscall"

func sandboxAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

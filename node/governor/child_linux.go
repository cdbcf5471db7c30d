package governor

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// childAttr has the kernel kill a command with its rig.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// sweep kills what an earlier run of the rig has left: the kernel ends a command with the
// rig, but not what the command itself has started. It returns how many there were.
func sweep(mark string) (n int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() || !marked(dir, mark) {
			continue
		}
		p, err := os.FindProcess(pid) // holds the process: its ID cannot become another's
		if err != nil {
			continue
		}
		if marked(dir, mark) && p.Kill() == nil {
			n++
		}
		_ = p.Release() // nothing can be done about it
	}
	return n
}

func marked(dir, mark string) bool {
	env, err := os.ReadFile(filepath.Join(dir, "environ"))
	return err == nil && bytes.Contains(append([]byte{0}, env...), []byte("\x00"+markVar+"="+mark+"\x00"))
}

// onlyZombies reports whether all of a process group have ended, though nobody has asked how:
// where process 1 is no init, nobody ever does.
func onlyZombies(pgid int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // proc(5): state, parent, group
		if err == nil && len(f) > 2 && string(f[2]) == strconv.Itoa(pgid) && f[0][0] != 'Z' && f[0][0] != 'X' {
			return false
		}
	}
	return true
}

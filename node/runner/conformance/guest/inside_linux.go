package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	actions["serve"] = serve
	actions["peer"] = peer
	actions["cat"] = cat
	actions["processes"] = processes
	actions["forkbomb"] = forkBomb
	actions["orphans"] = orphans
	actions["leave"] = leave
	actions["vandal"] = vandal
	actions["forkburn"] = forkBurn
}

// serve answers each line on a port with "served", the line and a megabyte.
func serve(args []string) error {
	if err := os.WriteFile("/tmp/mark", []byte("mark"), 0o600); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	if err != nil {
		return err
	}
	fmt.Println("serving")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			line, _ := bufio.NewReader(c).ReadString('\n')
			_, _ = io.WriteString(c, "served "+line+strings.Repeat("x", 1<<20))
		}()
	}
}

// peer shows what a program beside the job's shares with it.
func peer(args []string) error {
	mark, err := os.ReadFile("/tmp/mark")
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	c, err := net.Dial("tcp", "127.0.0.1:"+args[0])
	if err != nil {
		return err
	}
	defer c.Close()
	fmt.Fprintln(c, "peer")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	fmt.Printf("%s %s %s %s", mark, dir, os.Getenv("OF"), line)
	return nil
}

// cat copies files, or standard input, to standard output.
func cat(paths []string) error {
	if len(paths) == 0 {
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if _, err := os.Stdout.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// fork makes a process in which only raw system calls are safe: Go's other threads are not
// in it. It returns 0 there.
func fork() (int, error) {
	pid, _, e := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(pid), nil
}

func leaveNow() { _, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0) }

// doze waits in a forked process for a signal that ends it.
func doze() {
	for {
		_, _, _ = syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}

func processes(args []string) error {
	most, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	made := 0
	for made < most && forkDozer() {
		made++
	}
	fmt.Printf("made %d processes\n", made)
	return nil
}

// forkDozer makes a process that dozes, and tells whether it could.
func forkDozer() bool {
	pid, err := fork()
	if err == nil && pid == 0 {
		doze()
	}
	return err == nil
}

func forkBomb([]string) error {
	fmt.Println("bombing")
	for {
		_, _ = fork()
	}
}

// orphans has children make children and go, so that the first process of the sandbox
// inherits one after the other.
func orphans(args []string) error {
	most, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for i := range most {
		var pid int
		for try := 0; ; try++ { // a reaper may be some steps behind
			if pid, err = fork(); !errors.Is(err, syscall.EAGAIN) || try == 100 {
				break
			}
			reap()
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			return fmt.Errorf("orphan %d: %w", i, err)
		}
		if pid == 0 {
			_, _ = fork()
			leaveNow()
		}
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
			return err
		}
	}
	reap()
	fmt.Println(most, "orphans")
	return nil
}

// reap takes what it inherited, when it is the sandbox's first process.
func reap() {
	for os.Getpid() == 1 {
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
			return
		}
	}
}

// leave ends with processes of its own still there, one in another session and one that is
// stopped, both with its output open.
func leave([]string) error {
	for _, last := range []uintptr{syscall.SYS_SETSID, syscall.SYS_GETPID} {
		pid, err := fork()
		if err != nil {
			return err
		}
		if pid == 0 {
			_, _, _ = syscall.RawSyscall(last, 0, 0, 0)
			doze()
		}
		if last == syscall.SYS_GETPID {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				return err
			}
		}
	}
	return nil
}

// vandal changes all that it can of each file that is not its own, and ends well whatever
// comes of it.
func vandal([]string) error {
	_ = unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "")
	_ = unix.Mount("", "/", "", unix.MS_REMOUNT, "")
	var paths []string
	_ = filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		if path == "/proc" || path == "/sys" || path == "/dev" {
			return fs.SkipDir
		}
		if err != nil {
			return nil //nolint:nilerr // what may not be read is not changed
		}
		paths = append(paths, path)
		return nil
	})
	for _, p := range paths {
		if f, err := os.OpenFile(p, os.O_WRONLY|os.O_APPEND, 0); err == nil {
			_, _ = f.WriteString("vandal")
			_ = f.Close()
		}
		_ = unix.Setxattr(p, "user.vandal", []byte("1"), 0)
		_ = os.Chown(p, 1000, 1000)
		_ = os.Chtimes(p, time.Unix(1, 0), time.Unix(1, 0))
		_ = os.Link(p, p+".hard")
		_ = os.WriteFile(filepath.Join(p, "new"), []byte("vandal"), 0o644)
		_ = os.Mkdir(filepath.Join(p, "newdir"), 0o755)
	}
	for _, p := range paths { // last, because the way to the others leads through them
		if p == "/guest" || p == "/" {
			continue
		}
		_ = os.Chmod(p, 0o777)
		_ = os.Rename(p, p+".moved")
		_ = os.Truncate(p, 0)
		_ = os.RemoveAll(p)
	}
	_ = os.Chmod("/", 0o777)
	// gVisor truncates a program that runs, and kills it then: /suid, which is the same, was.
	_ = os.Remove("/guest")
	return nil
}

// forkBurn is burn in a number of processes, one after the other, of some rounds each.
func forkBurn(args []string) error {
	number, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	rounds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	fmt.Println("begin")
	for range number {
		pid, err := fork()
		if err != nil {
			return err
		}
		if pid == 0 {
			compute(rounds)
			leaveNow()
		}
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
			return err
		}
	}
	fmt.Println("end")
	return rest()
}

//go:build linux

package namespaces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// job is a spec for the guest, or, by a name that begins with "/", another program.
func job(args ...string) runner.Spec {
	if !strings.HasPrefix(args[0], "/") {
		args = append([]string{"/guest"}, args...)
	}
	return runner.Spec{Root: guestRoot, Args: args, MemoryBytes: 256 << 20, StdoutBytes: 1 << 20, OutputBytes: 1 << 20,
		OutputFiles: 10, ScratchBytes: 1 << 20, Processes: 48, Deadline: time.Minute}
}

// serve runs an engine until the test ends.
func serve(t testing.TB) *Engine {
	t.Helper()
	e := openEngine(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-e.Started()
	return e
}

// do runs a job to its end.
func do(t *testing.T, e *Engine, s runner.Spec) (runner.Result, string) {
	t.Helper()
	var out bytes.Buffer
	j, err := e.Start(t.Context(), s, &out, &out)
	if err != nil {
		t.Fatal(err)
	}
	r, err := j.Wait()
	if err != nil {
		t.Error(err)
	}
	return r, out.String()
}

// TestProbe says what this machine holds, having tried it.
func TestProbe(t *testing.T) {
	e := serve(t)
	caps, err := e.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, noTun := os.Stat("/dev/net/tun")
	want := runner.Caps{Pause: true, Dial: true, MemoryLimit: true, CPULimit: true, ProcessLimit: true,
		Interface: os.Geteuid() == 0 && noTun == nil, Rootless: os.Geteuid() != 0}
	if caps != want {
		t.Errorf("it says that it can %+v, want %+v", caps, want)
	}
}

// TestPrivateInput gives a job that is not root an input that only the rig's user may read
// on the host.
func TestPrivateInput(t *testing.T) {
	e := serve(t)
	in := t.TempDir()
	if err := os.Chmod(in, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(in, "secret"), []byte("for the job"), 0o400); err != nil {
		t.Fatal(err)
	}
	s := job("cat", "/in/secret")
	s.UID, s.GID, s.InDir = 1000, 1000, in
	if r, out := do(t, e, s); out != "for the job" {
		t.Errorf("it read %q, %+v", out, r)
	}
}

// TestFilesWithoutOwners has the image and the inputs on a file system whose files cannot be
// given away, as before Linux 5.12: the job still reads both.
func TestFilesWithoutOwners(t *testing.T) {
	e := serve(t)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "ramfs", 0, "mode=0755"); err != nil {
		t.Skipf("needs to mount a ramfs: run as root (%v)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	root, in := filepath.Join(dir, "root"), filepath.Join(dir, "in")
	if err := errors.Join(os.Mkdir(root, 0o755), os.MkdirAll(filepath.Join(in, "deep"), 0o700)); err != nil {
		t.Fatal(err)
	}
	copyGuest(t, root)
	if err := os.WriteFile(filepath.Join(in, "deep/data"), []byte("input"), 0o400); err != nil {
		t.Fatal(err)
	}
	s := job("cat", "/in/deep/data")
	s.Root, s.InDir, s.UID, s.GID = root, in, 1000, 1000
	if r, out := do(t, e, s); out != "input" {
		t.Errorf("it read %q, %+v, %v", out, r, r.Failure)
	}
}

// TestNoExec blames the rig, not the job, for a data directory from which nothing starts.
func TestNoExec(t *testing.T) {
	e := serve(t)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_NOEXEC, "mode=0755"); err != nil {
		t.Skipf("needs to mount a tmpfs: run as root (%v)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	copyGuest(t, dir)
	s := job("echo")
	s.Root = dir
	_, err := e.Start(t.Context(), s, io.Discard, io.Discard)
	if f := new(runner.Failure); errors.As(err, &f) || err == nil || !strings.Contains(err.Error(), "noexec") {
		t.Errorf("it said %v", err)
	}
}

// TestOwnersOfImage has the image's files belong to whom the image says.
func TestOwnersOfImage(t *testing.T) {
	e := serve(t)
	root := t.TempDir()
	copyGuest(t, root)
	for name, owner := range map[string]int{"roots": 0, "users": 1000} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.WriteFile(path, []byte(name), 0o400), os.Chown(path, owner, owner)); err != nil {
			t.Fatal(err)
		}
	}
	for uid, reads := range map[uint32]string{0: "roots", 1000: "users"} {
		for _, name := range []string{"roots", "users"} {
			s := job("cat", "/"+name)
			s.Root, s.UID, s.GID = root, uid, uid
			r, out := do(t, e, s)
			if may := name == reads; may != (r.ExitCode == 0) {
				t.Errorf("user %d reads %s of another's: exit code %d, %q", uid, name, r.ExitCode, out)
			}
		}
	}
}

func copyGuest(t *testing.T, root string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(guestRoot, "guest"))
	if err == nil {
		syscall.ForkLock.RLock() // no process that is being started may keep it open: it could not be run
		err = os.WriteFile(filepath.Join(root, "guest"), b, 0o755)
		syscall.ForkLock.RUnlock()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestImageCannotAim has an image whose top directory is a trap: links, pipes and files in
// the sandbox's own places lead nowhere.
func TestImageCannotAim(t *testing.T) {
	e := serve(t)
	host := t.TempDir()
	root := t.TempDir()
	copyGuest(t, root)
	for _, name := range []string{"proc", "dev", "tmp", "in", "out", "run", ".image", ".scratch"} {
		if err := os.Symlink(host, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink(host, filepath.Join(root, "link")), syscall.Mkfifo(filepath.Join(root, "pipe"), 0o666),
		os.WriteFile(filepath.Join(root, "sys"), []byte("x"), 0o644)); err != nil {
		t.Fatal(err)
	}
	s := job("write", "/tmp/a", "/out/b")
	s.Root, s.OutDir = root, t.TempDir()
	if r, out := do(t, e, s); r.Failure != nil || r.ExitCode != 0 {
		t.Errorf("%+v, %v: %q", r, r.Failure, out)
	}
	s.Args = []string{"/guest", "write", "/link/c"}
	if r, _ := do(t, e, s); r.ExitCode == 0 {
		t.Error("a link of the image led out of it")
	}
	if left, err := os.ReadDir(host); err != nil || len(left) > 0 {
		t.Errorf("the host has %v, %v", left, err)
	}
}

// TestBadPrograms are told as the job's own fault.
func TestBadPrograms(t *testing.T) {
	e := serve(t)
	root := t.TempDir()
	copyGuest(t, root)
	if err := errors.Join(os.WriteFile(filepath.Join(root, "text"), []byte("no program"), 0o755),
		os.WriteFile(filepath.Join(root, "locked"), []byte("#!/guest\n"), 0o644),
		os.WriteFile(filepath.Join(root, "script"), []byte("#!/bin/nothing\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	elsewhere := job("echo")
	elsewhere.WorkDir = "/nowhere"
	high := job("echo")
	high.UID = usersInside - 1
	for what, s := range map[string]runner.Spec{
		"a directory": job("/"), "no file": job("/nowhere"), "text": job("/text"), "not executable": job("/locked"),
		"no interpreter": job("/script"), "no such directory": elsewhere, "init's user": high, "no name": {Root: root, MemoryBytes: 1 << 20, Deadline: 1},
	} {
		if what != "no name" {
			s.Root = root
		}
		j, err := e.Start(t.Context(), s, io.Discard, io.Discard)
		var f *runner.Failure
		if err == nil {
			r, _ := j.Wait()
			f = r.Failure
		} else if !errors.As(err, &f) {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if f == nil || f.Kind != runner.FailureBadModule {
			t.Errorf("%s: %v", what, f)
		}
	}
	named := job("echo", "found")
	named.Args[0], named.Env = "guest", []string{"PATH=/nowhere:/"}
	if r, out := do(t, e, named); !strings.Contains(out, "found\n") {
		t.Errorf("a program in the path: %+v, %q", r, out)
	}
}

// TestCores has a job see as many cores as it was granted, the least used ones.
func TestCores(t *testing.T) {
	e := serve(t)
	if len(e.cores.jobs) < 2 {
		t.Skip("needs two cores: one cannot be shared out")
	}
	s := job("cat", "/proc/self/status")
	s.CPUs = 1
	first, err := e.Start(t.Context(), job("sleep"), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	_, out := do(t, e, s)
	_, list, _ := strings.Cut(out, "Cpus_allowed_list:\t")
	list, _, _ = strings.Cut(list, "\n")
	var core int
	if _, err := fmt.Sscan(list, &core); err != nil || list != fmt.Sprint(core) {
		t.Errorf("it may run on %q", list)
	}
	if slices.Contains(first.(*Job).cores, core) {
		t.Errorf("both jobs run on core %d", core)
	}
	first.Stop()
	if _, err := first.Wait(); err != nil {
		t.Error(err)
	}
	for core, jobs := range e.cores.jobs {
		if jobs != 0 {
			t.Errorf("core %d is still taken %d times", core, jobs)
		}
	}
}

// TestEndOfInit blames the job, and not the rig, when the sandbox's first process dies.
func TestEndOfInit(t *testing.T) {
	e := serve(t)
	j, err := e.Start(t.Context(), job("sleep"), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(j.(*Job).box.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r, err := j.Wait(); err != nil || r.Failure == nil || r.Failure.Kind != runner.FailureTrap {
		t.Errorf("%+v, %v, %v", r, r.Failure, err)
	}
}

// TestExecIsKilledWithItsContext leaves the job itself alone.
func TestExecIsKilledWithItsContext(t *testing.T) {
	e := serve(t)
	j, err := e.Start(t.Context(), job("sleep"), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Wait()
	defer j.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	said, w := io.Pipe()
	go func() {
		_, _ = io.ReadAtLeast(said, make([]byte, 100), 1)
		cancel()
		_, _ = io.Copy(io.Discard, said)
	}()
	if _, err := j.Exec(ctx, []string{"/guest", "spin"}, nil, w, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Exec said %v", err)
	}
	w.Close()
	if code, err := j.Exec(t.Context(), []string{"/guest", "exit", "3"}, nil, nil, nil); code != 3 || err != nil {
		t.Errorf("the next one: %d, %v", code, err)
	}
}

// TestOutputIsMemory: an output that the job's memory has no room for fails it, as the
// package says.
func TestOutputIsMemory(t *testing.T) {
	e := serve(t)
	s := job("fill")
	s.OutDir, s.MemoryBytes, s.OutputBytes = t.TempDir(), 16<<20, 1<<30
	r, _ := do(t, e, s)
	if r.Failure == nil || r.Failure.Kind != runner.FailureMemory {
		t.Errorf("%+v, %v", r, r.Failure)
	}
	if left, err := os.ReadDir(s.OutDir); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

// TestControl refuses a message that is too long before it takes its room.
func TestControl(t *testing.T) {
	a, b, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	here, err := newControl(a)
	if err != nil {
		t.Fatal(err)
	}
	defer here.conn.Close()
	there, err := newControl(b)
	if err != nil {
		t.Fatal(err)
	}
	defer there.conn.Close()
	go func() {
		_ = here.send(message{Kind: askDial, Port: 7}, os.Stdin)
		_, _ = here.conn.Write([]byte{0xff, 0xff, 0xff, 0xff})
	}()
	m, err := there.receive()
	if err != nil || m.Kind != askDial || m.Port != 7 || len(m.files) != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	m.close()
	if _, err := there.receive(); err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxMessage)) {
		t.Errorf("a long message: %v", err)
	}
}

//go:build linux

package gvisor

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node/runner"
)

// nobody is the user that the tests of an unprivileged rig run as.
const nobody = 65534

// asNobody runs this test again as an unprivileged user, and reports whether that is who
// runs it now.
func asNobody(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	dir, err := os.MkdirTemp(filepath.Dir(rigProgram), "nobody")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "test") // where the user can read it
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		syscall.ForkLock.RLock() // a process that another test starts meanwhile would keep it open: "text file busy"
		err = os.WriteFile(program, self, 0o755)
		syscall.ForkLock.RUnlock()
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, rigEnv+"="+rigProgram, guestEnv+"="+guestRoot)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as an unprivileged user: %v\n%s", err, out)
	}
	return false
}

func TestRootlessProbe(t *testing.T) {
	t.Parallel()
	if !asNobody(t) {
		return
	}
	caps, err := run(t, Config{DataDir: t.TempDir(), Program: rigProgram, Sandbox: sandboxProgram}).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (runner.Caps{Pause: true, Dial: true, ProcessLimit: true, Rootless: true}); caps != want {
		t.Errorf("got %+v, want %+v", caps, want)
	}
}

// TestRootlessJobs runs what an unprivileged rig cannot leave to control groups.
func TestRootlessJobs(t *testing.T) {
	t.Parallel()
	if !asNobody(t) {
		return
	}
	e := run(t, Config{DataDir: t.TempDir(), Program: rigProgram, Sandbox: sandboxProgram})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		res, out := do(t, e, spec("grow"))
		if res.Failure == nil || res.Failure.Kind != runner.FailureMemory || res.ExitCode != 137 {
			t.Errorf("%+v, said %q", res, out)
		}
	})
	for _, user := range []uint32{0, 1000} {
		t.Run(fmt.Sprint("output of user ", user), func(t *testing.T) {
			t.Parallel()
			s := spec("write", "/out/dir", "/tmp/dir", "/in/file")
			s.UID, s.GID = user, user
			s.InDir, s.OutDir, s.OutputBytes, s.OutputFiles = t.TempDir(), t.TempDir(), 1<<20, 8
			res, out := do(t, e, s)
			if want := "/out/dir <nil>\n/tmp/dir <nil>\n/in/file mkdir /in/file: read-only file system\n"; res.Failure != nil || out != want {
				t.Errorf("%+v, said %q, want %q", res, out, want)
			}
			if b, err := os.ReadFile(filepath.Join(s.OutDir, "dir/file")); err != nil || string(b) != "written" {
				t.Errorf("the host finds %q, %v", b, err)
			}
		})
	}
	t.Run("metering", func(t *testing.T) {
		t.Parallel()
		res, out := do(t, e, spec("spin", "500ms"))
		// It may have waited for its turn, and its last look may have been a while ago.
		if used := res.Usage.CPUMillis; res.Failure != nil || used < 100 || used > 700 {
			t.Errorf("billed %d ms for half a second of computing, %v, said %q", used, res.Failure, out)
		}
	})
}

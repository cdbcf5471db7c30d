//go:build linux && !nogvisor

package gvisor

import (
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
		err = os.WriteFile(program, self, 0o755)
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
	if !asNobody(t) {
		return
	}
	caps, err := run(t, Config{DataDir: t.TempDir(), Program: rigProgram}).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (runner.Caps{Pause: true, Dial: true, ProcessLimit: true, Rootless: true}); caps != want {
		t.Errorf("got %+v, want %+v", caps, want)
	}
}

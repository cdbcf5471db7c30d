//go:build linux

package namespaces

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// someUser is nobody's number.
const someUser = 12345

// userReport is what testdata/rig says of one job.
type userReport struct {
	Caps   runner.Caps
	Result runner.Result
	Output string
	Paused string
}

// asUser runs a job in a rig of another user, without control groups.
func asUser(t *testing.T, s runner.Spec) userReport {
	t.Helper()
	order, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "one-job", string(order))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someUser, Gid: someUser}}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var r userReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAnotherUser runs jobs as a rig without root and without control groups would: they
// are held all the same, and the rig says what is not.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else: run as root")
	}
	in, out := openDir(t, 0), openDir(t, someUser)
	if err := os.WriteFile(filepath.Join(in, "data"), []byte("input"), 0o644); err != nil {
		t.Fatal(err)
	}
	job := func(args ...string) runner.Spec {
		return runner.Spec{Root: guestRoot, Args: append([]string{"/guest"}, args...), UID: 1000, GID: 1000,
			MemoryBytes: 256 << 20, StdoutBytes: 1 << 20, OutputBytes: 1 << 20, OutputFiles: 10,
			ScratchBytes: 1 << 20, Processes: 48, Deadline: time.Minute}
	}
	s := job("write", "/out/file", "/tmp/file")
	s.OutDir = out
	r := asUser(t, s)
	if r.Result.Failure != nil || r.Result.ExitCode != 0 {
		t.Errorf("the job: %+v, %v, saying %q", r.Result, r.Result.Failure, r.Output)
	}
	if b, err := os.ReadFile(filepath.Join(out, "file")); err != nil || string(b) != "x" {
		t.Errorf("output %q, %v", b, err)
	}
	if c := r.Caps; c.MemoryLimit || c.CPULimit || c.Pause || !c.Rootless || !c.Dial {
		t.Errorf("it says that it can %+v", c)
	}
	if r.Paused != runner.ErrPauseUnsupported.Error() {
		t.Errorf("Pause said %s", r.Paused)
	}
	s = job("cat", "/in/data")
	s.InDir = in
	if r := asUser(t, s); r.Output != "input" {
		t.Errorf("it read %q, %v", r.Output, r.Result.Failure)
	}
	if r := asUser(t, job("whoami")); !strings.HasPrefix(r.Output, "/ 1000 1000 ") {
		t.Errorf("it runs as %q", r.Output)
	}
	s = job("sleep")
	s.Deadline = 300 * time.Millisecond
	if r := asUser(t, s); r.Result.Failure == nil || r.Result.Failure.Kind != runner.FailureDeadline {
		t.Errorf("past its deadline: %+v, %v", r.Result, r.Result.Failure)
	}
	if r := asUser(t, job("forkburn", "1000", "5")); r.Result.Failure == nil || r.Result.Failure.Kind != runner.FailureKilled || r.Result.Usage.CPUMillis < 50 {
		t.Errorf("stopped at 50 ms: %+v, %v", r.Result, r.Result.Failure)
	}
	if r := asUser(t, job("grow")); r.Result.Failure == nil || r.Result.Failure.Kind != runner.FailureMemory {
		t.Errorf("over its memory: %+v, %v", r.Result, r.Result.Failure)
	}
	s = job("fill")
	s.OutDir, s.MemoryBytes, s.OutputBytes = out, 64<<20, 4<<30
	if r := asUser(t, s); r.Result.Failure == nil || r.Result.Failure.Kind != runner.FailureMemory {
		t.Errorf("over its memory in files: %+v, %v", r.Result, r.Result.Failure)
	}
	if r.Caps.ProcessLimit {
		var made int
		if _, err := fmt.Sscanf(asUser(t, job("processes", "200")).Output, "made %d processes", &made); err != nil || made > 48+initProcesses {
			t.Errorf("it made %d processes, %v", made, err)
		}
	}
}

// openDir is a directory that everybody can reach and a user owns.
func openDir(t *testing.T, owner int) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(program), "open")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = os.Chown(dir, owner, owner)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir // goes with the program's
}

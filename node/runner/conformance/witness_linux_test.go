package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWitnessSeesWhatIsNotContained runs attempts without any sandbox: each must be seen. A
// suite that never cries out proves nothing. Left out is what would harm the tester's machine
// or its other programs.
func TestWitnessSeesWhatIsNotContained(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: run the tests as root, as CI does")
	}
	s := &suite{guest: build(t, false)}
	w := newWitness(t, s, true)
	for _, test := range []struct{ attempt, seen string }{
		{"read a file of the host's", w.secret},
		{"file handle of the host's", w.secret},
		{"environment of the host's processes", w.secret + "-in-the-arguments"},
		{"environment of the host's processes", w.secret + "-in-the-environment"},
		{"who the host is", "the job knows the host's"},
		{"loopback of the host", "the host heard a connection"},
		{"loopback of the host", "by udp"},
		{"address of the host", "the host heard a connection"},
		{"raw sockets", "a frame of"},
		{"packet sockets", "BREACH interface"},
		{"abstract sockets of the host", "by unixgram"},
		{"abstract sockets of the host", w.aims.Token},
		{"core dump program", "/proc/sys/kernel/core_pattern was"},
		{"kernel's log", w.secret + "-in-the-log"},
		{"kernel's log", "the kernel's log has a line"},
		{"keys", "on the host there is the key"},
		{"shared memory of the host's", w.secret},
		{"shared memory of the host's", "a shared segment"},
		{"signals to the host's processes", "a process of the host's is not as it was"},
		{"change a file of the host's", "the host's files are not as they were"},
		{"change a file of the host's", "secret.new was made"},
	} {
		text, err := json.Marshal(w.aims)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(s.guest.root, "guest"), "one", string(text), test.attempt)
		cmd.Dir = w.in
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", test.attempt, err, said)
		}
		err = w.look(string(said), "")
		if err == nil || !strings.Contains(err.Error(), test.seen) {
			t.Errorf("%s: the witness says %v, want %q; the job says\n%.1000s", test.attempt, err, test.seen, said)
		}
	}
	undo(t, w)
}

// undo takes away what those attempts left on the host.
func undo(t *testing.T, w *witness) {
	if err := os.Remove("/dev/shm/" + w.aims.Token); err != nil {
		t.Error(err)
	}
	id, err := unix.SysvShmGet(w.aims.Key+1, 4096, 0)
	if err == nil {
		_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	}
	if err != nil {
		t.Error(err)
	}
	for name, ring := range map[string]int{"user": unix.KEY_SPEC_USER_KEYRING, "user session": unix.KEY_SPEC_USER_SESSION_KEYRING} {
		key, err := unix.KeyctlSearch(ring, "user", w.aims.Token+name, 0)
		if err == nil {
			_, err = unix.KeyctlInt(unix.KEYCTL_UNLINK, key, ring, 0, 0)
		}
		if err != nil {
			t.Error(name, err)
		}
	}
}

// TestUnfitOutputIsSeen plants what a job must not be able to leave.
func TestUnfitOutputIsSeen(t *testing.T) {
	for name, plant := range map[string]func(path string) error{
		"fifo":        func(path string) error { return unix.Mkfifo(path, 0o600) },
		"link":        func(path string) error { return os.Symlink("/etc/passwd", path) },
		"set-user-ID": func(path string) error { return os.WriteFile(path, nil, 0o700) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := plant(path); err != nil {
			t.Fatal(err)
		}
		if name == "set-user-ID" {
			if err := os.Chmod(path, 0o700|os.ModeSetuid); err != nil {
				t.Fatal(err)
			}
		}
		if unfit(dir) == nil {
			t.Errorf("%s is taken for a result", name)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unfit(dir); err != nil {
		t.Error(err)
	}
}

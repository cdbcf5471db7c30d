package conformance

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// guest is the suite's own program, as the engine takes it.
type guest struct {
	module []byte   // for wasm
	sum    [32]byte // its SHA-256
	root   string   // a container's files, with the program as /guest
}

// build compiles ./guest for a kind of engine, into a directory that goes with t.
func build(t testing.TB, wasm bool) guest {
	t.Helper()
	program := buildGuest(t, wasm)
	if wasm {
		return guest{module: program, sum: sha256.Sum256(program)}
	}
	root := filepath.Join(t.TempDir(), "root")
	if err := makeRoot(root, program); err != nil {
		t.Fatal(err)
	}
	return guest{root: root}
}

// buildGuest is the program's bytes.
func buildGuest(t testing.TB, wasm bool) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out,
		"github.com/rerig/rerig/node/runner/conformance/guest")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if wasm {
		cmd.Env = append(cmd.Env, "GOOS=wasip1", "GOARCH=wasm")
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the guest: %v\n%s", err, text)
	}
	program, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// makeRoot lays out a container's files: the guest, a set-user-ID copy of it, a few files
// that a hostile job would change, and none of the directories that a sandbox adds.
func makeRoot(root string, program []byte) error {
	for _, d := range []string{"etc", "data/deep", "job"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return err
		}
	}
	files := map[string][]byte{
		"guest": program, "suid": program,
		"etc/passwd": []byte("root:x:0:0::/:\nworker:x:1000:1000::/job:\n"),
		"etc/group":  []byte("root:x:0:\nworker:x:1000:\n"),
		"data/file":  []byte("as it came\n"), "data/deep/file": []byte("deep\n"),
	}
	for name, b := range files {
		syscall.ForkLock.RLock() // no process that is being started may keep it open: it could not be run
		err := os.WriteFile(filepath.Join(root, name), b, 0o755)
		syscall.ForkLock.RUnlock()
		if err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(root, "suid"), 0o755|os.ModeSetuid); err != nil {
		return err
	}
	return os.Symlink("file", filepath.Join(root, "data/link"))
}

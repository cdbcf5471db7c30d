package modules

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rerig/rerig/models/jargon"
)

// build compiles a program of this folder, stripped like the shipped modules.
func build(t *testing.T, name string, env ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", path, "./"+name)
	cmd.Env = append(os.Environ(), append(env, "CGO_ENABLED=0")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

// sandbox builds a module as WASM and returns a function that runs it in a
// process of its own, with a read-only /in and an /out.
func sandbox(t *testing.T, name, in string) func(out string, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	runner := build(t, "testdata/sandbox")
	module := build(t, name, "GOOS=wasip1", "GOARCH=wasm")
	cache := t.TempDir()
	return func(out string, args ...string) (string, string, int) {
		return execute(t, runner, append([]string{cache, in, out, module}, args...)...)
	}
}

// execute runs a program to its end.
func execute(t *testing.T, program string, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	var outBuf, errBuf bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &outBuf, &errBuf
	var status *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &status) {
		t.Fatalf("run %s: %v", program, err)
	}
	return outBuf.String(), errBuf.String(), cmd.ProcessState.ExitCode()
}

// TestModelWritesTheSameBytesInWASMAndNatively runs lm both ways.
func TestModelWritesTheSameBytesInWASMAndNatively(t *testing.T) {
	in := t.TempDir()
	model := filepath.Join(in, "jargon-f16.gguf")
	if err := os.WriteFile(model, jargon.GGUF(), 0o600); err != nil {
		t.Fatal(err)
	}
	native := build(t, "lm")
	run := sandbox(t, "lm", in)
	for _, args := range [][]string{
		{"A hacker is"},
		{"-n", "250", "--temp", "0.9", "--seed", "5", "--echo", "Unix:"},
		{"-n", "100", "--temp", "2", "--top-k", "0", "--top-p", "1", "na\u00efve"},
	} {
		want, wantCounts, status := execute(t, native, append([]string{"--model", model}, args...)...)
		if status != 0 {
			t.Fatalf("native lm %q: exit %d\n%s", args, status, wantCounts)
		}
		stdout, counts, exit := run(t.TempDir(), args...)
		if exit != 0 || stdout != want || counts != wantCounts {
			t.Errorf("lm %q: WASM gives %d %q %q, native %q %q", args, exit, stdout, counts, want, wantCounts)
		}
	}
	if _, message, exit := run(t.TempDir(), "--model", "/in/none.gguf", "x"); exit != 1 || !strings.Contains(message, "/in/none.gguf") {
		t.Errorf("a missing model gives %d %q, want 1 and its name", exit, message)
	}
	if _, message, exit := run(t.TempDir()); exit != 2 || !strings.Contains(message, "the prompt is missing") {
		t.Errorf("no prompt gives %d %q, want 2", exit, message)
	}
}

func TestThumbnailIsMadeInTheSandbox(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	photo := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for i := range photo.Pix {
		photo.Pix[i] = uint8(i*i>>9) | 1
		if i%4 == 3 {
			photo.Pix[i] = 255
		}
	}
	photo.SetRGBA(0, 0, color.RGBA{A: 255})
	var file bytes.Buffer
	if err := png.Encode(&file, photo); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(in, "photo.png"), file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run := sandbox(t, "thumb", in)
	stdout, stderr, exit := run(out, "--size", "64", "/in/photo.png")
	if exit != 0 || stdout != "photo.png: png 640x480 -> photo-thumb.png 64x48\n" {
		t.Fatalf("exit %d, stdout %q, stderr %q", exit, stdout, stderr)
	}
	first, err := os.ReadFile(filepath.Join(out, "photo-thumb.png"))
	if err != nil {
		t.Fatal(err)
	}
	small, err := png.Decode(bytes.NewReader(first))
	if err != nil || small.Bounds() != image.Rect(0, 0, 64, 48) {
		t.Fatalf("the thumbnail is %v, %v", small.Bounds(), err)
	}
	again := t.TempDir()
	if _, stderr, exit := run(again, "--size", "64"); exit != 0 {
		t.Fatalf("without a name: exit %d, stderr %q", exit, stderr)
	}
	second, err := os.ReadFile(filepath.Join(again, "photo-thumb.png"))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("the second run's bytes differ (%v)", err)
	}
	if _, stderr, exit := run(out, "/in/none.png"); exit != 1 || !strings.Contains(stderr, "/in/none.png") {
		t.Errorf("a missing image gives %d %q, want 1 and its name", exit, stderr)
	}
}

// TestEmbeddedModules checks that what this package embeds is WASM, or that its
// absence is explained.
func TestEmbeddedModules(t *testing.T) {
	for name, get := range map[string]func() ([]byte, error){"lm": LM, "thumb": Thumb} {
		module, err := get()
		if err != nil {
			if !strings.Contains(err.Error(), "run `make build`") {
				t.Errorf("%s: error %v does not say what to do", name, err)
			}
			continue
		}
		if !bytes.HasPrefix(module, []byte("\x00asm")) {
			t.Errorf("%s does not begin like a WASM module", name)
		}
	}
}

// TestNothingIsFused compiles the model's arithmetic for an architecture whose
// compiler fuses multiplication and addition where the source lets it. One
// fused instruction would change the bytes of that architecture's results.
func TestNothingIsFused(t *testing.T) {
	cmd := exec.Command("go", "build", "-gcflags=-S", "../engine/exact", "./lm/llama", "../engine/sampler")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	assembly, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("compile for arm64: %v\n%s", err, assembly)
	}
	if !bytes.Contains(assembly, []byte("FMULS")) {
		t.Fatal("the assembly has no multiplication")
	}
	for line := range bytes.Lines(assembly) {
		fields := strings.Fields(string(line))
		if slices.ContainsFunc(fields, func(f string) bool {
			return slices.Contains([]string{"FMADDS", "FMADDD", "FMSUBS", "FMSUBD", "FNMADDS", "FNMADDD", "FNMSUBS", "FNMSUBD"}, f)
		}) {
			t.Errorf("fused: %s", line)
		}
	}
}

package docker

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rerig/rerig/node/runner"
)

func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return append(buf.Bytes(), packEnd)
}

// TestHostileArchives: nothing is written outside the output directory or over its limits.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	file := func(name string, size int64) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o6777}
	}
	for name, raw := range map[string][]byte{
		"out of the directory": archive(t, file("../escaped", 1)),
		"an absolute path":     archive(t, file("/escaped", 1)),
		"a link":               archive(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/etc"}),
		"a hard link":          archive(t, tar.Header{Typeflag: tar.TypeLink, Name: "l", Linkname: "/etc/passwd"}),
		"a device":             archive(t, tar.Header{Typeflag: tar.TypeBlock, Name: "d"}),
		"one file too many":    archive(t, file("a", 0), file("b", 0), file("c", 0)),
		"one byte too many":    archive(t, file("a", 60), file("b", 541)),
		"the same file twice":  archive(t, file("a", 1), file("a", 1)),
		"a cut archive":        archive(t, file("a", 60))[:530],
		"no archive":           bytes.Repeat([]byte("x"), 2048),
		"nothing":              nil,
		"cut after a file":     archive(t, file("a", 512))[:1024],
		"cut before its end":   archive(t)[:1024],
	} {
		parent := t.TempDir()
		s := &runner.Spec{OutDir: filepath.Join(parent, "out"), OutputBytes: 600, OutputFiles: 2}
		if err := os.Mkdir(s.OutDir, 0o700); err != nil {
			t.Fatal(err)
		}
		f := unpack(s, bytes.NewReader(raw))
		if f == nil {
			t.Errorf("%s: taken", name)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
			t.Errorf("%s: left %v beside the output, %v", name, left, err)
		}
	}
}

// TestOutputFilesArePlain: what arrives is the rig's, whatever its bits were inside.
func TestOutputFilesArePlain(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(from, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"a/b/suid": 0o755 | os.ModeSetuid, "open": 0o666} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(from, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	if err := pack(from, &buf); err != nil {
		t.Fatal(err)
	}
	if f := unpack(&runner.Spec{OutDir: to, OutputBytes: 100, OutputFiles: 4}, &buf); f != nil {
		t.Fatal(f)
	}
	for name, mode := range map[string]os.FileMode{"a/b/suid": 0o755, "open": 0o644} {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want mode %v", name, info, err, mode)
		}
		if text, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(text) != name {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

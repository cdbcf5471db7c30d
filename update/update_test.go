package update

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// maker signs releases.
type maker struct {
	public  minisign.PublicKey
	private minisign.PrivateKey
}

func newMaker(t *testing.T) maker {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return maker{public, private}
}

// release serves files of a release of one program, changed by change after it was signed.
func (m maker) release(t *testing.T, version, program string, change func(files map[string][]byte)) string {
	t.Helper()
	files := map[string][]byte{archiveOf(version): tarball(t, program)}
	sums := fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(files[archiveOf(version)]), archiveOf(version))
	files["SHA256SUMS"] = sums
	files["SHA256SUMS.minisig"] = minisign.SignWithComments(m.private, sums, "version "+version, "")
	change(files)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b) // the client sees what is missing
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func tarball(t *testing.T, program string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "rerig-x/rerig", Size: int64(len(program)), Mode: 0o755}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(program)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestInstall: a signed program takes another's place, which comes back when it is asked for.
func TestInstall(t *testing.T) {
	m, dir := newMaker(t), t.TempDir()
	s := &Source{URL: m.release(t, "1.3.0", "the new one", func(map[string][]byte) {}), Key: m.public, Dir: t.TempDir()}
	at := filepath.Join(dir, "rerig")
	if err := os.WriteFile(at, []byte("the old one"), 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := s.Latest(t.Context())
	if err != nil || r.Version != "1.3.0" {
		t.Fatalf("%+v, %v", r, err)
	}
	program, err := s.Fetch(t.Context(), r, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := Install(program, at); err != nil {
		t.Fatal(err)
	}
	if got := read(t, at); got != "the new one" {
		t.Errorf("the program is %q", got)
	}
	if info, err := os.Stat(at); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the program is %v, %v", info, err)
	}
	if err := Rollback(at); err != nil {
		t.Fatal(err)
	}
	if got := read(t, at); got != "the old one" {
		t.Errorf("after going back the program is %q", got)
	}
	if err := Rollback(at); err == nil || !strings.Contains(err.Error(), "there was no update") {
		t.Errorf("going back twice: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left beside it: %v, %v", left, err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestChangedReleases: whatever was changed after it was signed is refused, and nothing of it
// is left.
func TestChangedReleases(t *testing.T) {
	m, other := newMaker(t), newMaker(t)
	resigned := func(key minisign.PrivateKey, comment string) func(map[string][]byte) {
		return func(files map[string][]byte) {
			files["SHA256SUMS.minisig"] = minisign.SignWithComments(key, files["SHA256SUMS"], comment, "")
		}
	}
	for name, one := range map[string]struct {
		change func(map[string][]byte)
		want   string
	}{
		"another's signature": {resigned(other.private, "version 1.3.0"), "signed by somebody else"},
		"no version":          {resigned(m.private, "timestamp:1"), "names no version"},
		"no signature":        {func(f map[string][]byte) { delete(f, "SHA256SUMS.minisig") }, "404"},
		"another version's comment": {func(f map[string][]byte) {
			f["SHA256SUMS.minisig"] = bytes.Replace(f["SHA256SUMS.minisig"], []byte("version 1.3.0"), []byte("version 9.0.0"), 1)
		}, "it was changed"},
		"other checksums": {func(f map[string][]byte) { f["SHA256SUMS"] = append(f["SHA256SUMS"], "\n"...) }, "it was changed"},
		"another program": {func(f map[string][]byte) { f[archiveOf("1.3.0")] = tarball(t, "a thief's") }, "the archive was changed"},
		"too long a list": {func(f map[string][]byte) { f["SHA256SUMS"] = make([]byte, maxSums+1) }, "at most 65536 bytes"},
		"no archive": {func(f map[string][]byte) {
			f["SHA256SUMS"] = []byte("nothing\n")
			resigned(m.private, "version 1.3.0")(f)
		}, "it has no rerig-1.3.0-"},
		"an archive without a program": {func(f map[string][]byte) {
			f[archiveOf("1.3.0")] = emptyTarball(t)
			f["SHA256SUMS"] = fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(f[archiveOf("1.3.0")]), archiveOf("1.3.0"))
			resigned(m.private, "version 1.3.0")(f)
		}, "there is no program in it"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := &Source{URL: m.release(t, "1.3.0", "the new one", one.change), Key: m.public, Dir: t.TempDir()}
			r, err := s.Latest(t.Context())
			if err == nil {
				_, err = s.Fetch(t.Context(), r, dir)
			}
			if err == nil || !strings.Contains(err.Error(), one.want) {
				t.Errorf("want %q, got %v", one.want, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left beside the program: %v, %v", left, err)
			}
		})
	}
}

func emptyTarball(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := tar.NewWriter(z).Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestNewer: versions are in the order of semver.org, and a build without one is before all.
func TestNewer(t *testing.T) {
	for _, pair := range [][2]string{{"1.3.0", "1.2.9"}, {"v1.10.0", "1.9.0"}, {"1.0.0", "1.0.0-rc.1"}, {"0.0.0-git.x", "3e34d54-dirty"}, {"0.1.0", "dev"}} {
		if !Newer(pair[0], pair[1]) || Newer(pair[1], pair[0]) || Newer(pair[0], pair[0]) {
			t.Errorf("%s is not after %s", pair[0], pair[1])
		}
	}
}

// TestShun: a version that failed is known until another one comes.
func TestShun(t *testing.T) {
	s := &Source{Dir: filepath.Join(t.TempDir(), "updates")}
	for range 2 {
		if err := s.Shun("1.3.0"); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Shunned("1.3.0") || s.Shunned("1.3") || s.Shunned("1.3.1") {
		t.Error("1.3.0 alone failed here")
	}
}

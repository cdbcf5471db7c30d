package testnet_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"aead.dev/minisign"

	"github.com/rerig/rerig/node"
)

// TestUpdates: a rig that runs puts a signed release in its own place, keeps out what does
// not sell, and goes back when it is told to.
func TestUpdates(t *testing.T) {
	t.Parallel()
	binary, eight := build(t), versioned(t, "8.0.0")
	s := newSceneOf(t, binary, 3*scenarioTime)
	r := newReleases(t)
	at := filepath.Join(s.dir, "installed", "rerig")
	s.must(os.Mkdir(filepath.Dir(at), 0o700))
	old := read(s, s.binary)
	s.must(os.WriteFile(at, old, 0o755))
	s.binary = at
	rig, bob := s.rig("alice"), s.requester("bob")

	r.put(t, "7.0.0", script("7.0.0", "echo it will not sell >&2; exit 3"))
	service := newNotify(t)
	rig.env = append(rig.env, "NOTIFY_SOCKET="+service.path)
	up := s.up(rig, "--update-url", r.url, "--update-key", r.public, "--update-every", "1s")
	service.hears(s, "READY=1")
	s.until("the bad version was tried", func() (bool, error) {
		return strings.Contains(up.log.String(), "version 7.0.0 was not installed, and "+node.BuildVersion()+" goes on"), nil
	})
	if !bytes.Equal(read(s, at), old) {
		t.Error("a version that does not sell is installed")
	}
	service.hears(s, "READY=1") // the same process sells again; systemd must not hear of an end
	s.until("it sells again", func() (bool, error) {
		return s.buys(bob), nil
	})

	r.put(t, "8.0.0", eight)
	service.hears(s, "READY=1")
	info, err := s.api(rig).Info(s.ctx)
	s.must(err)
	if up.ended() || info.Version != "8.0.0" || !strings.Contains(up.log.String(), "version 8.0.0 is installed") {
		t.Fatalf("version %s runs, the rig's process ended: %t\n%s", info.Version, up.ended(), up.log)
	}
	s.until("the new one sells", func() (bool, error) { // the offer of the one before may still be known
		return s.buys(bob), nil
	})
	if strings.Count(up.log.String(), "it will not sell") != 1 {
		t.Errorf("the bad version was tried again:\n%s", up.log)
	}
	updatesByHand(s, r, rig, at, old)
	s.must(os.RemoveAll(filepath.Join(rig.config.DataDir, "updates"))) // what it fetched, to go on with if it was cut short
}

// buys tells whether a job goes through.
func (s *scene) buys(m *member) bool {
	s.t.Helper()
	c := s.run(m, "--", "print", "here")
	c.wait()
	return c.code == 0
}

// updatesByHand: `rerig update` says what is there, and goes back.
func updatesByHand(s *scene, r *releases, m *member, at string, old []byte) {
	s.t.Helper()
	line := []string{"update", "--url", r.url, "--key", r.public}
	c := s.start(m, append(line, "-o", "json")...)
	c.exits(0)
	var st struct{ Version, Latest string }
	s.must(json.Unmarshal([]byte(c.out.String()), &st))
	if st.Version != "8.0.0" || st.Latest != "8.0.0" {
		s.t.Errorf("it says %s", c.out)
	}
	r.put(s.t, "7.5.0", script("7.5.0", "exit 0"))
	c = s.start(m, line...)
	c.exits(0)
	if !strings.Contains(c.log.String(), "nothing is to be done") {
		s.t.Errorf("an older version: %s", c.log)
	}
	c = s.start(m, append(line, "--pin", "v7.5.0", "--check")...)
	c.exits(0)
	if !strings.Contains(c.log.String(), "installs 7.5.0") {
		s.t.Errorf("a version pinned: %s", c.log)
	}
	other := newReleases(s.t)
	c = s.start(m, "update", "--url", r.url, "--key", other.public)
	c.exits(1)
	if !strings.Contains(c.log.String(), "signed by somebody else; nothing was installed") {
		s.t.Errorf("another's key: %s", c.log)
	}
	s.start(m, "update", "--rollback").exits(0)
	if !bytes.Equal(read(s, at), old) {
		s.t.Error("the program before the update is not back")
	}
	if shunned := read(s, filepath.Join(m.config.DataDir, "updates", "shunned")); !strings.Contains(string(shunned), "8.0.0\n") {
		s.t.Errorf("a node that updates itself would install it again; it keeps from %q", shunned)
	}
}

func read(s *scene, name string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(name)
	s.must(err)
	return b
}

// script is a program that says its version, and does else when it is started otherwise.
func script(version, otherwise string) []byte {
	return fmt.Appendf(nil, "#!/bin/sh\nif [ \"$1\" = version ]; then echo '{\"version\":\"%s\"}'; exit; fi\n%s\n", version, otherwise)
}

// versioned is this checkout's program under a version.
func versioned(t *testing.T, version string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rerig")
	cmd := exec.Command("go", "build", "-ldflags=-X github.com/rerig/rerig/node.Version="+version, "-o", name, "../cmd/rerig")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// releases is a server of signed releases.
type releases struct {
	url    string
	public string
	key    minisign.PrivateKey
	mu     sync.Mutex
	files  map[string][]byte
}

func newReleases(t *testing.T) *releases {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &releases{key: private, files: map[string][]byte{}}
	lines := strings.Split(public.String(), "\n")
	r.public = lines[len(lines)-1]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		b, ok := r.files[strings.TrimPrefix(req.URL.Path, "/")]
		r.mu.Unlock()
		if !ok {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write(b) // whoever asked sees what is missing
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// put signs a program and serves it as the newest.
func (r *releases) put(t *testing.T, version string, program []byte) {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	err = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "rerig/rerig", Size: int64(len(program)), Mode: 0o755})
	if err == nil {
		_, err = w.Write(program)
	}
	for _, end := range []func() error{w.Close, z.Close} {
		if e := end(); err == nil {
			err = e
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("rerig-%s-%s-%s.tar.gz", version, runtime.GOOS, runtime.GOARCH)
	sums := fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(b.Bytes()), name)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = map[string][]byte{name: b.Bytes(), "SHA256SUMS": sums,
		"SHA256SUMS.minisig": minisign.SignWithComments(r.key, sums, "version "+version, "")}
}

// notify is systemd's end of Type=notify.
type notify struct {
	path string
	conn *net.UnixConn
}

func newNotify(t *testing.T) *notify {
	t.Helper()
	dir, err := os.MkdirTemp("", "rn")
	if err != nil {
		t.Fatal(err)
	}
	n := &notify{path: filepath.Join(dir, "s")}
	n.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: n.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.conn.Close(); os.RemoveAll(dir) })
	return n
}

// hears waits for what a node tells next.
func (n *notify) hears(s *scene, want string) {
	s.t.Helper()
	b := make([]byte, 256)
	until, _ := s.ctx.Deadline()
	s.must(n.conn.SetReadDeadline(until))
	size, err := n.conn.Read(b)
	s.must(err)
	if got := string(b[:size]); got != want {
		s.t.Fatalf("the node tells %q, want %q", got, want)
	}
}

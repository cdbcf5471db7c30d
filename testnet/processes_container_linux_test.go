package testnet_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// Containers, bought and sold by processes of the built binary: what the user gets and
// pays, what a job cannot reach, and that nothing of it is left (SPEC §5.1).
func TestContainers(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"bought like a module", containerBought},
		{"its limits", containerLimits},
		{"the rig killed", containerRigKilled},
		{"what it cannot reach", containerWalls},
		{"a forged image", containerForged},
		{"held by namespaces", containerInNamespaces},
		{"no engine of Docker", containerWithoutDocker},
		{"Docker without gVisor", containerUnderRunc},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// guestImage is an OCI layout of testdata/container, made once beside the binary.
var guestImage = sync.OnceValues(func() (dir string, err error) {
	if _, err := built(); err != nil {
		return "", err
	}
	program := filepath.Join(binaryDir, "guest")
	cmd := exec.Command("go", "build", "-o", program, "./testdata/container")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	guest, err := os.ReadFile(program)
	if err != nil {
		return "", err
	}
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	if err := w.WriteHeader(&tar.Header{Name: "guest", Mode: 0o755, Size: int64(len(guest)), Typeflag: tar.TypeReg}); err != nil {
		return "", err
	}
	if _, err := w.Write(guest); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer(files.Bytes(), types.OCIUncompressedLayer))
	if err != nil {
		return "", err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return "", err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{Entrypoint: []string{"/guest"}, Cmd: []string{"say", "nothing"}, Env: []string{"WORD=image"}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return "", err
	}
	dir = filepath.Join(binaryDir, "image")
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		return "", err
	}
	return dir, p.AppendImage(img)
})

// sandboxed is a rig that sells containers, and a requester.
func (s *scene) sandboxed() (rig, requester *member, up *command) {
	s.t.Helper()
	return s.heldBy(node.HeldByGvisor)
}

func (s *scene) heldBy(sandbox string) (rig, requester *member, up *command) {
	s.t.Helper()
	rig, requester = s.rig("alice"), s.buyer("bob")
	rig.env = []string{"RERIG_UP_CONTAINERS=" + sandbox}
	return rig, requester, s.selling(requester, rig)
}

// selling starts a rig and waits until it offers containers: their self-test runs after
// that of modules. What it offered in another life does not count.
func (s *scene) selling(at, rig *member, flags ...string) (up *command) {
	s.t.Helper()
	market, born := s.api(at), uint64(time.Now().UnixMilli())
	up = s.up(rig, flags...)
	s.until(rig.name+" sells containers", func() (bool, error) {
		found, err := market.Market(s.ctx, protocol.Filter{Engine: protocol.EngineContainer})
		return err == nil && slices.ContainsFunc(found.Offers, func(o node.MarketOffer) bool {
			return o.Rig == rig.key.Address() && o.Issued >= born
		}), nil
	})
	return up
}

// container starts `rerig run` of the guest's image.
func (s *scene) container(m *member, args ...string) *command {
	s.t.Helper()
	image, err := guestImage()
	s.must(err)
	return s.start(m, append([]string{"run", "--image", image}, args...)...)
}

func containerBought(s *scene) {
	alice, bob, _ := s.sandboxed()
	said := func(want string, args ...string) {
		s.t.Helper()
		c := s.container(bob, args...)
		c.exits(0)
		if got := c.out.String(); got != want {
			s.t.Errorf("run %v says %q, want %q", args, got, want)
		}
	}
	said("nothing image\n")
	said("a b mine\n", "--env", "WORD=mine", "--held-by", "gvisor", "--", "say", "a", "b")
	s.container(bob, "--", "exit", "7").exits(7)

	text := filepath.Join(bob.config.DataDir, "note.txt")
	s.must(os.WriteFile(text, []byte("quiet\n"), 0o600))
	s.container(bob, "--input", text, "--", "upper", "note.txt").exits(0)
	loud := filepath.Join(bob.config.DataDir, "upper-note.txt")
	if b, err := os.ReadFile(loud); err != nil || string(b) != "QUIET\n" {
		s.t.Errorf("the output file is %q, %v", b, err)
	}
	s.must(os.Remove(text))
	s.must(os.Remove(loud))

	root, shelf := filepath.Join(s.dir, "root"), filepath.Join(s.dir, "shelf")
	s.must(os.Mkdir(root, 0o700))
	s.must(os.Link(filepath.Join(binaryDir, "guest"), filepath.Join(root, "guest")))
	bob.env = append(bob.env, "XDG_DATA_HOME="+shelf)
	s.start(bob, "image", "build", "-t", "made", "--entrypoint", "/guest", "--cmd", "say", "--cmd", "built", root).exits(0)
	named := s.start(bob, "run", "--image", "made")
	named.exits(0)
	if got := named.out.String(); got != "built \n" {
		s.t.Errorf("an image by its name says %q", got)
	}
	s.start(bob, "run", "--image", "nobody").exits(2)

	c := s.container(bob, "--dry-run", "--held-by", "namespaces")
	c.exits(125)
	if !strings.Contains(c.out.String(), `engine "container:namespaces" not in`) {
		s.t.Errorf("a dry run does not say why no rig fits:\n%s", c.out)
	}
	s.start(bob, "run", "--image", bob.config.DataDir).exits(2)
	s.same("what the rig was promised", s.earned(alice), s.collect(alice, bob))
}

func containerLimits(s *scene) {
	_, bob, _ := s.sandboxed()
	s.container(bob, "--memory", "128", "--", "hog").exits(137)
	s.container(bob, "--timeout", "1s", "--", "spin").exits(124)
	c := s.container(bob, "--budget", "0.002", "--", "spin") // two ticks
	c.exits(123)
	rec := s.bought(bob)[0]
	s.same("a whole budget is paid", rec.Job.Paid, rec.Agreement.MaxTotal)
}

// containerRigKilled: the requester pays for whole ticks, the sandbox dies with its rig
// (kill waits for that), and the restarted one finds nothing of it in its way.
func containerRigKilled(s *scene) {
	alice, bob, up := s.sandboxed()
	c := s.container(bob, "--retries", "0", "--", "count", "1000")
	s.ticks(bob, 2)
	up.kill()
	c.exits(125)
	first := s.bought(bob)[0].Job
	if first.Units == 0 || first.Units%sceneTick != 0 {
		s.t.Errorf("the dead rig's receipts are for %d units, not for whole ticks", first.Units)
	}
	s.same("the dead rig is paid", first.Paid, protocol.NewAmount(first.Units*sceneRate))
	s.selling(bob, alice)
	s.container(bob, "--", "exit", "0").exits(0)
	for _, dir := range []string{"containers/gvisor", "jobs"} {
		if left, err := filepath.Glob(filepath.Join(alice.config.DataDir, dir, "*", "*")); err != nil || len(left) > 0 {
			s.t.Errorf("left of the dead rig's job: %v %v", left, err)
		}
	}
}

// containerWalls: neither the miner's files nor any network is there, seen from inside.
func containerWalls(s *scene) {
	alice, bob, _ := s.sandboxed()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer l.Close()
	reached := make(chan struct{}, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
			reached <- struct{}{}
		}
	}()
	c := s.container(bob, "--", "reach", l.Addr().String(), "169.254.169.254:80", "192.168.1.1:80", "10.0.0.1:53")
	c.exits(0)
	key := filepath.Join(alice.config.DataDir, "key.json")
	p := s.container(bob, "--", "peek", key, "/proc/1/root"+key, "/etc/shadow", "/dev/mem")
	p.exits(0)
	if out := c.out.String() + p.out.String(); strings.Contains(out, "true") || strings.Count(out, "false") != 8 {
		s.t.Errorf("from inside:\n%s", out)
	}
	select {
	case <-reached:
		s.t.Error("a job reached the miner's loopback")
	default:
	}
}

// containerForged: an image whose blob is not what its digest says is the requester's
// fault, and costs nothing.
func containerForged(s *scene) {
	_, bob, _ := s.sandboxed()
	image, err := guestImage()
	s.must(err)
	forged := filepath.Join(s.dir, "forged")
	s.must(os.CopyFS(forged, os.DirFS(image)))
	blobs, err := filepath.Glob(filepath.Join(forged, "blobs", "sha256", "*"))
	s.must(err)
	for _, path := range blobs {
		info, err := os.Stat(path)
		s.must(err)
		if info.Size() > 1<<20 { // the layer
			b, err := os.ReadFile(path)
			s.must(err)
			b[len(b)/2] ^= 1
			s.must(os.WriteFile(path, b, 0o600))
		}
	}
	c := s.start(bob, "run", "--image", forged)
	c.exits(126)
	c.says("digest")
	if rec := s.bought(bob)[0]; rec.Job.Reason != protocol.ReasonBadModule || !rec.Job.Paid.IsZero() {
		s.t.Errorf("a forged image ends by %s and costs %s", rec.Job.Reason, rec.Job.Paid)
	}
}

// containerInNamespaces: the weaker sandbox is called so in the offer, sells the same jobs,
// and keeps them from the same things.
func containerInNamespaces(s *scene) {
	alice, bob, up := s.heldBy(node.HeldByNamespaces)
	c := s.container(bob, "--retries", "0", "--", "count", "1000")
	s.ticks(bob, 1)
	up.kill()
	c.exits(125)
	s.selling(bob, alice)
	doctor := s.start(bob, "doctor", "--containers", "namespaces")
	if doctor.wait(); !strings.Contains(doctor.out.String(), "✓ containers namespaces ran its jobs") ||
		!strings.Contains(doctor.out.String(), "✓ lan        a hostile job in namespaces reached none of ") {
		s.t.Errorf("doctor says:\n%s", doctor.out)
	}
	c = s.container(bob, "--held-by", "namespaces", "--", "say", "hello")
	c.exits(0)
	if got := c.out.String(); got != "hello image\n" {
		s.t.Errorf("it says %q", got)
	}
	s.container(bob, "--held-by", "gvisor").exits(125)
	s.container(bob, "--memory", "128", "--", "hog").exits(137)
	key := filepath.Join(alice.config.DataDir, "key.json")
	p := s.container(bob, "--", "peek", key, "/proc/1/root"+key, "/etc/shadow", "/dev/mem", "/proc/kcore")
	p.exits(0)
	if out := p.out.String(); strings.Contains(out, "true") {
		s.t.Errorf("from inside:\n%s", out)
	}
}

// containerWithoutDocker: a rig whose Docker does not answer says so and sells modules.
func containerWithoutDocker(s *scene) {
	rig, bob := s.rig("alice"), s.buyer("bob")
	rig.env = []string{"DOCKER_HOST=unix://" + filepath.Join(s.dir, "nobody")}
	up := s.up(rig, "--containers", "docker")
	s.until("the rig says that there is no Docker", func() (bool, error) {
		return strings.Contains(up.log.String(), "not sold here") && strings.Contains(up.log.String(), "docker"), nil
	})
	s.onMarket(rig)
	s.run(bob, "--", "print", "a module").exits(0)
	c := s.container(bob, "--held-by", "docker")
	c.exits(125)
	c.says(`engine "container:docker" not in [wasm]`)
}

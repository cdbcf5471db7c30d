//go:build unix

package testnet_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// What the rigs of a scene sell unless told otherwise: 10 base units for a CPU
// millisecond, so a tick of 100 ms is 1,000.
const (
	sceneRate = 10
	sceneTick = 100
	tickPrice = sceneRate * sceneTick
)

// scene is a network in this process whose rigs and requesters are processes of
// the built binary, started and ended as people do. Its books are held against
// the chain at the end, and nobody may have left anything behind.
type scene struct {
	t       *testing.T
	ctx     context.Context
	dir     string
	binary  string
	profile string // the network profile's file
	net     *testnet.Net
	members []*member
	running []*command
	clients []*client.Client
	broken  bool   // the binary is wrong, and so are its books
	listen  string // of rigs, a multiaddr; "" is as they do unless told otherwise
}

// built makes the binary from this checkout, once for all tests; TestMain removes it.
var built = sync.OnceValues(func() (binary string, err error) {
	if binaryDir, err = os.MkdirTemp("", "rerig"); err != nil {
		return "", err
	}
	binary = filepath.Join(binaryDir, "rerig")
	cmd := exec.Command("go", "build", "-o", binary, "../cmd/rerig")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return binary, fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
})

func build(t *testing.T) string {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func newScene(t *testing.T, binary string) *scene {
	t.Helper()
	return newSceneOf(t, binary, scenarioTime)
}

// newSceneOf makes a scene that may take so long.
func newSceneOf(t *testing.T, binary string, most time.Duration) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), most) // t.Context ends before the cleanups
	t.Cleanup(cancel)
	// A short path: control sockets have one of 100 bytes at most.
	dir, err := os.MkdirTemp("", "rr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &scene{t: t, ctx: ctx, dir: dir, binary: binary, profile: filepath.Join(dir, "net.toml"),
		listen: "/ip4/127.0.0.1/tcp/0"}
	for _, name := range littered {
		s.must(os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	s.net, err = testnet.Start(ctx, testnet.Options{Dir: filepath.Join(dir, "net")})
	s.must(err)
	t.Cleanup(s.end)
	s.must(s.net.Profile.Write(s.profile))
	return s
}

// littered are directories that a command may use and must leave empty.
var littered = []string{"home", "tmp", "cwd"}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// until polls as long as the scene may take.
func (s *scene) until(what string, ask func() (bool, error)) {
	s.t.Helper()
	if err := poll(s.ctx, ask); err != nil {
		s.t.Fatalf("wait until %s: %v", what, err)
	}
}

// member makes a data directory with a key, gas, and tokens (base units).
func (s *scene) member(name string, tokens uint64) *member {
	s.t.Helper()
	m := &member{name: name, key: keyOf(name), net: s.net, own: true, wealth: protocol.NewAmount(tokens),
		config: node.Config{DataDir: filepath.Join(s.dir, name)}}
	s.must(os.Mkdir(m.config.DataDir, 0o700))
	s.must(node.WriteKey(filepath.Join(m.config.DataDir, "key.json"), m.key, ""))
	s.must(s.net.Chain.Fund(s.ctx, m.key.Address(), testnet.StartNative))
	if tokens > 0 {
		s.must(s.net.Chain.Mint(s.ctx, m.key.Address(), m.wealth))
	}
	s.members = append(s.members, m)
	return m
}

// requester is a member that buys with a hundred tokens.
func (s *scene) requester(name string) *member { return s.member(name, 100_000_000) }

// rig is a member that sells; up starts it.
func (s *scene) rig(name string) *member {
	m := s.member(name, 0)
	m.config.Rig = s.rigConfig()
	return m
}

func (s *scene) rigConfig() *node.RigConfig { return &node.RigConfig{TickUnits: sceneTick} }

// up starts `rerig up` and waits until it offers.
func (s *scene) up(m *member, flags ...string) *command {
	s.t.Helper()
	line := []string{"up", "--price", "36/h", "--tick", fmt.Sprint(sceneTick), "--slots", "1"}
	if s.listen != "" {
		line = append(line, "--listen", s.listen)
	}
	return s.serve(m, append(line, flags...)...)
}

// serve starts a node that stays and waits until it does what it is for.
func (s *scene) serve(m *member, line ...string) *command {
	s.t.Helper()
	c := s.start(m, line...)
	s.until(m.name+" is up", func() (bool, error) {
		if c.ended() {
			return false, fmt.Errorf("it ended with %d:\n%s", c.code, c.log)
		}
		n, err := client.Connect(s.ctx, m.config.DataDir)
		if err != nil {
			return false, nil
		}
		defer n.Close()
		info, err := n.Info(s.ctx)
		return err == nil && (info.Rig == nil || info.Rig.Offering), nil
	})
	return c
}

// run starts `rerig run` of the guest with its arguments after "--".
func (s *scene) run(m *member, args ...string) *command {
	s.t.Helper()
	guest := s.guest()
	line := []string{"run"}
	for i, a := range args {
		if a == "--" {
			return s.start(m, append(append(append(line, args[:i]...), guest), args[i:]...)...)
		}
	}
	return s.start(m, append(append(line, args...), guest)...)
}

// guest is the module that the scenes run.
func (s *scene) guest() string {
	s.t.Helper()
	guest, err := filepath.Abs("testdata/guest.wasm")
	s.must(err)
	return guest
}

// api is the control socket of a member's node, once there is one.
func (s *scene) api(m *member) (c *client.Client) {
	s.t.Helper()
	s.until("the node of "+m.name+" answers", func() (ok bool, err error) {
		c, err = client.Connect(s.ctx, m.config.DataDir)
		return err == nil, nil
	})
	s.clients = append(s.clients, c)
	return c
}

// end stops what still runs, audits the books and looks for what was left.
func (s *scene) end() {
	for _, c := range s.running {
		if !c.ended() {
			children := offspring(c.cmd.Process.Pid)
			c.signal(syscall.SIGTERM)
			defer c.gone(children)
		}
	}
	for _, c := range s.running {
		if c.wait(); c.what == "up" && c.code > 0 {
			s.t.Errorf("%s of %s exits with %d", c.what, c.member, c.code)
		}
	}
	for _, c := range s.clients {
		if err := c.Close(); err != nil {
			s.t.Error(err)
		}
	}
	w := &world{t: s.t, nets: []*testnet.Net{s.net}, members: s.members}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.conserve(ctx); err != nil && !s.broken {
		s.t.Errorf("the books do not agree: %v", err)
	}
	for _, name := range littered {
		if left, err := os.ReadDir(filepath.Join(s.dir, name)); err != nil || len(left) > 0 {
			s.t.Errorf("left in %s: %v %v", name, left, err)
		}
	}
	for _, m := range s.members {
		if err := tidyDir(m.config.DataDir); err != nil {
			s.t.Errorf("%s left %v", m.name, err)
		}
	}
	if err := s.net.Close(); err != nil {
		s.t.Errorf("end of the network: %v", err)
	}
	if s.t.Failed() {
		for _, c := range s.running {
			s.t.Logf("%s of %s, exit code %d\nstdout: %.1000s\nstderr: %.8000s", c.what, c.member, c.code, c.out, c.log)
		}
	}
}

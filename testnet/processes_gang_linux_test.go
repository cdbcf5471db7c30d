package testnet_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// Gangs, bought and sold by processes of the built binary: containers on several rigs that
// reach each other and nothing else (SPEC §5.8).
func TestGangs(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a job's network interface is made in its namespace; run it as root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun: load the module tun")
	}
	binary := build(t)
	for _, held := range []string{node.HeldByNamespaces, node.HeldByGvisor} {
		t.Run(held, func(t *testing.T) {
			t.Parallel()
			s := newSceneOf(t, binary, 3*scenarioTime)
			bob := s.buyer("bob")
			var rigs []*member
			var ups []*command
			for i := range 2 {
				rig := s.rig(fmt.Sprintf("rig%d", i))
				rig.env = []string{"RERIG_UP_CONTAINERS=" + held}
				rigs, ups = append(rigs, rig), append(ups, s.selling(bob, rig))
			}
			gangSums(s, bob, rigs)
			gangLeaves(s, bob)
			gangIsLeft(s, bob)
			gangSeesNothingElse(s, bob)
			gangFails(s, bob)
			gangFindsTooFew(s, bob)
			gangLosesARig(s, bob, ups)
			s.selling(bob, rigs[1]) // and finds nothing of it in its way
		})
	}
}

// gang starts `rerig run --gang 2` of the guest's image.
func (s *scene) gang(m *member, args ...string) *command {
	s.t.Helper()
	return s.container(m, append([]string{"--gang", "2", "--retries", "0"}, args...)...)
}

// gangSums: two ranks add their vectors over the link, through ports that nobody knew before.
func gangSums(s *scene, bob *member, rigs []*member) {
	s.t.Helper()
	const length = 200_000
	want := 3 * length * (length + 1) / 2
	dir := s.t.TempDir()
	c := s.gang(bob, "--out-dir", dir, "--", "allreduce", fmt.Sprint(length))
	c.exits(0)
	for rank := range 2 {
		if line := fmt.Sprintf("[%d] rank %d of 2: %d\n", rank, rank, want); !strings.Contains(c.out.String(), line) {
			s.t.Errorf("want the line %q in\n%s", line, c.out)
		}
		if b, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(rank), "sum")); err != nil || string(b) != fmt.Sprint(want) {
			s.t.Errorf("rank %d leaves %q, %v, want %d", rank, b, err, want)
		}
	}
	for _, rig := range rigs {
		if addr := rig.key.Address().String()[:10]; !strings.Contains(c.log.String(), "running on rig "+addr) {
			s.t.Errorf("rig %s runs no rank:\n%s", addr, c.log)
		}
	}
}

// gangLeaves: what a rank sent before it ended arrives, whoever reads it late.
func gangLeaves(s *scene, bob *member) {
	s.t.Helper()
	const length = 3 << 20 // more than there is room for on the way
	c := s.gang(bob, "--", "leave", fmt.Sprint(length))
	c.exits(0)
	if line := fmt.Sprintf("[1] got %d true <nil>\n", length); !strings.Contains(c.out.String(), line) {
		s.t.Errorf("want the line %q in\n%s", line, c.out)
	}
}

// gangIsLeft: a gang that a command leaves to the node is found by one ID, and its files go
// where they were to go.
func gangIsLeft(s *scene, bob *member) {
	s.t.Helper()
	dir := s.t.TempDir()
	c := s.gang(bob, "--detach", "--out-dir", dir, "--", "allreduce", "1000")
	c.exits(0)
	id := strings.TrimSpace(c.out.String())
	waits := s.start(bob, "wait", id)
	waits.exits(0)
	waits.says("2 ranks")
	for rank := range 2 {
		if b, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(rank), "sum")); err != nil || string(b) != "1501500" {
			s.t.Errorf("rank %d leaves %q, %v", rank, b, err)
		}
	}
	logs := s.start(bob, "logs", id)
	if logs.exits(0); !strings.Contains(logs.out.String(), "[1] rank 1 of 2: 1501500\n") {
		s.t.Errorf("logs show %q", logs.out)
	}
	c = s.gang(bob, "--detach", "--", "hang", "7")
	c.exits(0)
	waits = s.start(bob, "wait", strings.TrimSpace(c.out.String()))
	waits.exits(7)
	waits.says("ranks failed, the first is 1")
}

// gangSeesNothingElse: beside the link a job has no network, whatever listens outside.
func gangSeesNothingElse(s *scene, bob *member) {
	s.t.Helper()
	l, err := net.Listen("tcp", "0.0.0.0:0")
	s.must(err)
	defer l.Close()
	heard := make(chan struct{}, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			heard <- struct{}{}
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	s.must(err)
	away := []string{"127.0.0.1:" + port, "10.77.0.1:" + port, "10.77.0.2:" + port, "10.77.0.3:" + port, "10.77.0.254:" + port, "169.254.169.254:80", "8.8.8.8:53"}
	addrs, err := net.InterfaceAddrs()
	s.must(err)
	for _, a := range addrs {
		if ip := a.(*net.IPNet).IP; ip.To4() != nil {
			away = append(away, net.JoinHostPort(ip.String(), port))
		}
	}
	c := s.gang(bob, append([]string{"--", "look"}, away...)...)
	c.exits(0)
	for rank := range 2 {
		for _, addr := range away {
			if line := fmt.Sprintf("[%d] %s false\n", rank, addr); !strings.Contains(c.out.String(), line) {
				s.t.Errorf("want the line %q in\n%s", line, c.out)
			}
		}
		for line := range strings.Lines(c.out.String()) {
			if name, ok := strings.CutPrefix(line, fmt.Sprintf("[%d] interface ", rank)); ok && name != "lo\n" && name != "rerig0\n" {
				s.t.Errorf("rank %d has the interface %s", rank, name)
			}
		}
	}
	if len(heard) > 0 {
		s.t.Error("a job reached the rig's machine")
	}
}

// gangFails: a rank that fails ends the others, and its exit code is the command's.
func gangFails(s *scene, bob *member) {
	s.t.Helper()
	c := s.gang(bob, "-o", "json", "--", "hang", "7")
	c.exits(7)
	if !strings.Contains(c.log.String(), "rank 1 failed, and the others were stopped: exit 7") {
		s.t.Errorf("it says\n%s", c.log)
	}
	var ranks []node.RunStatus
	s.must(json.Unmarshal([]byte(c.out.String()), &ranks))
	if len(ranks) != 2 || ranks[0].Reason != protocol.ReasonStopped || !ranks[1].Gang.First {
		s.t.Errorf("the ranks ended as %+v", ranks)
	}
	out, err := os.ReadFile(filepath.Join(ranks[0].Dir, "stdout"))
	if err != nil || !strings.Contains(string(out), "broken:") {
		s.t.Errorf("rank 0 did not see that its connection broke: %q, %v", out, err)
	}
}

// gangLosesARig: a rig that dies takes its rank with it; the others see the end of what they
// had with it, and are stopped.
func gangLosesARig(s *scene, bob *member, ups []*command) {
	s.t.Helper()
	c := s.gang(bob, "--timeout", "2m", "--", "hang")
	s.until("both ranks are connected", func() (bool, error) {
		return strings.Count(c.out.String(), "connected") == 2, nil
	})
	begun := time.Now()
	ups[1].kill()
	c.exits(125)
	s.t.Logf("the end of a rig ended the gang in %v", time.Since(begun))
	if !strings.Contains(c.out.String(), "broken:") {
		s.t.Errorf("the other rank did not see the end of its connection:\n%s", c.out)
	}
}

// gangFindsTooFew: with fewer rigs than ranks nobody begins, and the reason says why.
func gangFindsTooFew(s *scene, bob *member) {
	s.t.Helper()
	c := s.container(bob, "--gang", "3", "--", "say", "began")
	c.exits(125)
	if out := c.log.String(); !strings.Contains(out, "another member of the gang has hired it") || c.out.String() != "" {
		s.t.Errorf("it says\n%s%s", c.out, out)
	}
	s.container(bob, "--gang", "1", "--", "say").exits(2)
	s.container(bob, "--gang", "2", "--array", "2", "--", "say").exits(2)
}

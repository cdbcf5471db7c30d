package testnet_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node"
)

// TestEgress: a job reaches the hosts that it named and its miner allows, where they are on
// the public internet, and nothing else; a rig that does not allow them refuses the job
// (SPEC §5.10).
func TestEgress(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a job's network interface is made in its namespace; run it as root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("needs /dev/net/tun: load the module tun")
	}
	s := newScene(t, build(t))
	bob, rig := s.buyer("bob"), s.rig("alice")
	rig.env = []string{"RERIG_UP_CONTAINERS=" + node.HeldByNamespaces, "RERIG_UP_ALLOW_EGRESS=localhost,25.77.0.2:7000,25.77.0.2:7001"}
	s.selling(bob, rig)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	s.must(err)
	home := "localhost:" + port
	s.internet()

	c := s.container(bob, "--egress", "25.77.0.2:7000", "--egress", home, "--", "ask", "25.77.0.2:7000", "25.77.0.2:7001", home, "127.0.0.1:"+port)
	c.exits(0)
	for _, line := range []string{"25.77.0.2:7000 200 welcome\n", "25.77.0.2:7001 403 ", home + " 502 ", "127.0.0.1:" + port + " 403 "} {
		if !strings.Contains(c.out.String(), line) {
			t.Errorf("want the line %q in\n%s", line, c.out)
		}
	}
	c = s.container(bob, "--egress", "25.77.0.2:7000", "--", "reach", "25.77.0.2:7000", "10.77.0.254:80", "8.8.8.8:53")
	c.exits(0)
	if strings.Contains(c.out.String(), "true") {
		t.Errorf("a job gets out beside the proxy:\n%s", c.out)
	}
	c = s.container(bob, "--egress", "25.77.0.2:7002", "--", "say", "began")
	c.exits(125)
	if !strings.Contains(c.log.String(), "egress to 25.77.0.2:7002 not allowed here") {
		t.Errorf("a host that the miner does not allow:\n%s", c.log)
	}
	s.container(bob, "--egress", "nonsense", "--", "say").exits(2)
	if len(s.bought(bob)) == 0 {
		t.Error("nothing was bought")
	}
}

// internet is another machine at an address that is public elsewhere: a process in a network
// namespace of its own, which greets on port 7000.
func (s *scene) internet() {
	s.t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		s.t.Skip("needs ip: install iproute2")
	}
	_, err := guestImage()
	s.must(err)
	far := exec.Command(filepath.Join(binaryDir, "guest"), "greet", "7000")
	far.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	s.must(far.Start())
	s.t.Cleanup(func() {
		_ = far.Process.Kill() // its namespace and both ends of the cable go with it
		_ = far.Wait()
	})
	near, pid := fmt.Sprintf("rr%d", far.Process.Pid), fmt.Sprint(far.Process.Pid)
	for _, line := range []string{
		"ip link add " + near + " type veth peer name out netns " + pid,
		"ip addr add 25.77.1.1/32 dev " + near, // what is in an interface's network is no job's to reach
		"ip link set " + near + " up",
		"ip route add 25.77.0.2/32 dev " + near + " src 25.77.1.1",
		"nsenter -t " + pid + " -n ip addr add 25.77.0.2/32 dev out",
		"nsenter -t " + pid + " -n ip link set out up",
		"nsenter -t " + pid + " -n ip route add 25.77.1.1/32 dev out",
	} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			s.t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	s.until("the other machine answers", func() (bool, error) {
		c, err := net.Dial("tcp", "25.77.0.2:7000")
		if err == nil {
			c.Close()
		}
		return err == nil, nil
	})
}

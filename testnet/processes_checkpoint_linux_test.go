package testnet_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// TestCheckpoints: a job whose rig vanishes goes on at another rig, held by another
// engine, from the last checkpoint that came (SPEC §5.9).
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, way := range [][2]string{{node.HeldByGvisor, node.HeldByNamespaces}, {node.HeldByNamespaces, node.HeldByGvisor}} {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) {
			t.Parallel()
			goesOn(newScene(t, binary), way[0], way[1])
		})
	}
}

func goesOn(s *scene, from, to string) {
	carol, alice, bob := s.rig("carol"), s.rig("alice"), s.buyer("bob")
	carol.env, alice.env = []string{"RERIG_UP_CONTAINERS=" + to}, []string{"RERIG_UP_CONTAINERS=" + from}
	network := []string{} // a job that has one keeps its checkpoints too
	if _, err := os.Stat("/dev/net/tun"); err == nil && os.Geteuid() == 0 && from == node.HeldByGvisor {
		network = []string{"--egress", "25.77.0.2:7000"}
		for _, rig := range []*member{carol, alice} {
			rig.env = append(rig.env, "RERIG_UP_ALLOW_EGRESS=25.77.0.2")
		}
	}
	s.selling(bob, carol, "--price", "72/h")
	victim := s.selling(bob, alice)
	const last = 150
	c := s.container(bob, slices.Concat(network, []string{"--checkpoint", "1s", "--budget", "1", "--", "resume", strconv.Itoa(last)})...)
	api := s.api(bob)
	var st node.RunStatus
	s.until("a checkpoint came", func() (bool, error) {
		runs, err := api.Runs(s.ctx)
		if err != nil || len(runs) == 0 {
			return false, err
		}
		if st = runs[0]; st.Ended {
			return false, fmt.Errorf("the run ended meanwhile: %s %s %s", st.State, st.Reason, st.Detail)
		}
		return st.Checkpoint > 0, nil
	})
	kept := s.checkpoint(st)
	victim.kill()
	c.exits(0)

	said, err := os.ReadFile(filepath.Join(st.Dir, "stdout"))
	s.must(err)
	var begin, end int
	if _, err := fmt.Sscanf(string(said), "begins at %d\nends at %d\n", &begin, &end); err != nil || begin < kept || end != last {
		s.t.Errorf("after a checkpoint at %d it said %q", kept, said)
	}
	if got := c.out.String(); !strings.HasSuffix(got, string(said)) {
		s.t.Errorf("the terminal ends with %q, the output is %q", got, said)
	}
	bought := s.bought(bob)
	if len(bought) != 2 || bought[1].Agreement.Rig != carol.key.Address() || bought[0].Agreement.Rig != alice.key.Address() {
		s.t.Fatalf("attempts: %+v", bought)
	}
	s.selling(bob, alice) // which sweeps up what the killed one left
	for _, rig := range []*member{alice, carol} {
		if left, err := filepath.Glob(filepath.Join(rig.config.DataDir, "jobs", "*")); err != nil || len(left) > 0 {
			s.t.Errorf("left of the job on %s: %v %v", rig.name, left, err)
		}
	}
	s.same("carol collects", s.collect(carol, bob), bought[1].Job.Paid)
}

// checkpoint is the step that the run's newest checkpoint has.
func (s *scene) checkpoint(st node.RunStatus) int {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(st.Dir, protocol.CheckpointFile))
	s.must(err)
	n, err := strconv.Atoi(string(b))
	s.must(err)
	if n < 1 {
		s.t.Errorf("a checkpoint of step %d", n)
	}
	return n
}

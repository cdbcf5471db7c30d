//go:build dockerengine

// These tests want a real engine: `go test -tags dockerengine ./node/runner/docker`.
package docker

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/conformance"
)

// target is a real engine for the suite that every engine passes.
func target(t *testing.T) conformance.Target {
	t.Helper()
	host, err := localHost("")
	if err != nil {
		t.Skip("needs a Docker engine on this machine: " + err.Error())
	}
	network, address, _ := strings.Cut(host, "://")
	c, err := net.Dial(network, address)
	if err != nil {
		t.Skip("needs a Docker engine, better one with runsc: none answers at its socket; install and start Docker")
	}
	c.Close()
	program := filepath.Join(t.TempDir(), "rig")
	cmd := exec.Command("go", "build", "-trimpath", "-o", program, "./testdata/rig")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the helper: %v\n%s", err, text)
	}
	return conformance.Target{
		Open: func(_ testing.TB, dir string) (runner.Engine, error) {
			return New(Config{Owner: fmt.Sprintf("%x", sha256.Sum256([]byte(dir))), DataDir: dir, Helper: program, AllowRunc: true})
		},
		Rig: program,
		Not: map[string]string{
			"killed rig": "Docker's own parent group stays, and counts as left over; containers, processes and files do not stay",
		},
	}
}

func TestConformance(t *testing.T) { conformance.Run(t, target(t)) }

func TestHostile(t *testing.T) { conformance.Hostile(t, target(t)) }

func TestRealProbe(t *testing.T) {
	target := target(t)
	e, err := target.Open(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run := serve(t, e.(*Engine))
	caps, err := run.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("this engine holds %+v", caps)
}

package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(powerDirEnv); dir != "" {
		if err := powerChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// powerDirEnv makes the test binary a child that adds content below a directory and
// tells what is to stay.
const powerDirEnv = "RERIG_ARTIFACT_POWER_DIR"

// powerChild is that child, where there are power cuts to record.
var powerChild = func(string) error { return errors.New("no power cuts on this system") }

const testStall = 10 * time.Second // longer than any test needs when all is well

// newHost is a plain libp2p host on loopback.
func newHost(t testing.TB) host.Host {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func connect(t testing.TB, a, b host.Host) {
	t.Helper()
	if err := a.Connect(t.Context(), peer.AddrInfo{ID: b.ID(), Addrs: b.Addrs()}); err != nil {
		t.Fatal(err)
	}
}

// node is a running store.
type node struct {
	*Store
	host host.Host
	stop func() // ends Run and waits for it
}

func startNode(t testing.TB, cfg Config) *node {
	t.Helper()
	if cfg.Host == nil {
		cfg.Host = newHost(t)
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 1 << 30
	}
	if cfg.StallAfter == 0 {
		cfg.StallAfter = testStall
	}
	cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.started
	stopped := false
	n := &node{Store: s, host: cfg.Host, stop: func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}}
	t.Cleanup(n.stop)
	return n
}

// pair is two connected nodes: one has the content, the other asks.
func pair(t testing.TB) (has, asks *node) {
	t.Helper()
	has, asks = startNode(t, Config{}), startNode(t, Config{})
	connect(t, has.host, asks.host)
	return has, asks
}

// noise is n bytes that do not repeat.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func addBytes(t testing.TB, s *Store, data []byte) string {
	t.Helper()
	c, err := s.AddBytes(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

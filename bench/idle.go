package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// idleCommand has this program be an idle node.
const idleCommand = "idle-node"

// idle lets a rig of its own process rest on the network and reads its memory.
func (f *field) idle(ctx context.Context, o options, res results) error {
	profile, dir := filepath.Join(f.dir, "profile.toml"), filepath.Join(f.dir, "idle")
	if err := f.net.Profile.Write(profile); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, idleCommand, profile, dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the idle node: %w", err)
	}
	rss, err := restingMemory(ctx, cmd.Process.Pid, dir, o.idle)
	res["idle_rss_mb"] = rss
	_ = cmd.Process.Signal(os.Interrupt) // Wait tells how it ended
	return errors.Join(err, cmd.Wait())
}

// restingMemory waits until the node offers, lets it rest, and reads its resident
// memory and that of the sandboxes it keeps ready.
func restingMemory(ctx context.Context, pid int, dir string, rest time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, rest+time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !offering(ctx, dir) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for the idle node: %w", ctx.Err())
		}
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return residentMB(pid)
}

func offering(ctx context.Context, dir string) bool {
	c, err := client.Connect(ctx, dir)
	if err != nil {
		return false
	}
	defer c.Close()
	info, err := c.Info(ctx)
	return err == nil && info.Rig != nil && info.Rig.Offering
}

// residentMB is a process's resident memory in 10^6 bytes.
func residentMB(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib * 1024 / 1e6, err
		}
	}
	return 0, errors.New("read memory: no VmRSS")
}

// idleNode is a rig with default settings until it is interrupted.
func idleNode(profile, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, err := node.LoadProfile(profile)
	if err != nil {
		return err
	}
	n, err := node.New(node.Config{DataDir: dir, Profile: p, Listen: []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"},
		Rig: &node.RigConfig{Price: protocol.NewAmount(rigPrice)}, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	return n.Run(ctx)
}

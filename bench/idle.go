package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rerig/rerig/client"
)

// idle lets the built binary's rig rest on the network and reads its memory.
func (f *field) idle(ctx context.Context, o options, res results) error {
	if _, err := os.Stat(o.binary); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "%s is not built; leaving the idle node out\n", o.binary)
		return nil
	}
	profile, dir := filepath.Join(f.dir, "profile.toml"), filepath.Join(f.dir, "idle")
	if err := f.net.Profile.Write(profile); err != nil {
		return err
	}
	cmd := exec.Command(o.binary, "up", "--network", profile, "--data-dir", dir, "--listen", "127.0.0.1:0", "--quiet")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the idle node: %w", err)
	}
	rss, err := restingMemory(ctx, cmd.Process.Pid, dir, o.idle)
	res["idle_rss_mb"] = rss
	fmt.Fprintf(os.Stderr, "idle   node    %.1f MB resident after %s\n", rss, o.idle)
	if err == nil {
		err = resting(ctx, cmd.Process.Pid, dir, o.rest, res)
	}
	_ = cmd.Process.Signal(os.Interrupt) // Wait tells how it ended
	return errors.Join(err, cmd.Wait())
}

// restingMemory waits until the node offers, lets it rest, and reads its resident
// memory.
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
	defer func() { _ = c.Close() }() // it only asked
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

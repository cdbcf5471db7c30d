package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
)

const (
	// ticks is how many clock ticks a second has in /proc (proc(5); always on Linux).
	ticks = 100
	// maxView is bytes of the node's own account of its network.
	maxView = 1 << 20
)

// mark is what a node has used up to a time.
type mark struct {
	at    time.Time
	ticks float64 // of processor time, its ended children's too
	bytes float64 // of all streams with peers, both ways
	peers int
}

// resting measures what a rig that has nothing to do takes of a home: processor, memory, line.
func resting(ctx context.Context, pid int, dir string, window time.Duration, res results) error {
	if window <= 0 {
		return nil
	}
	before, err := used(ctx, pid, dir)
	if err != nil {
		return err
	}
	timer := time.NewTimer(window)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := used(ctx, pid, dir)
	if err != nil {
		return err
	}
	rss, err := residentMB(pid)
	passed := after.at.Sub(before.at).Seconds()
	res["up_idle_cpu_pct"] = 100 * (after.ticks - before.ticks) / ticks / passed
	res["up_idle_rss_mb"] = rss
	res["up_idle_mb_per_hour"] = (after.bytes - before.bytes) / 1e6 / passed * 3600
	res["up_connections"] = float64(after.peers)
	fmt.Fprintf(os.Stderr, "idle   rig     %.2f %% of a core, %.1f MB, %.2f MB an hour with %d peers, over %s\n",
		res["up_idle_cpu_pct"], rss, res["up_idle_mb_per_hour"], after.peers, window)
	return err
}

// used asks the kernel and the node itself.
func used(ctx context.Context, pid int, dir string) (m mark, err error) {
	c, err := client.Connect(ctx, dir)
	if err != nil {
		return m, fmt.Errorf("ask the idle node: %w", err)
	}
	info, err := c.Info(ctx)
	if err = errors.Join(err, c.Close()); err != nil {
		return m, fmt.Errorf("ask the idle node: %w", err)
	}
	view, err := networkOf(ctx, info.Dashboard)
	if err != nil {
		return m, fmt.Errorf("ask the idle node for its network: %w", err)
	}
	if n := len(view.Traffic); n > 0 {
		m.bytes = float64(view.Traffic[n-1].In + view.Traffic[n-1].Out)
	}
	m.at, m.peers = time.Now(), len(view.Peers)
	m.ticks, err = ticksOf(pid)
	return m, err
}

func networkOf(ctx context.Context, page string) (v node.NetworkView, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(page, "/")+"/api/network", nil)
	if err != nil {
		return v, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return v, err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxView))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return v, err
	}
	if resp.StatusCode != http.StatusOK {
		return v, fmt.Errorf("%s: %s", resp.Status, b)
	}
	return v, json.Unmarshal(b, &v)
}

// ticksOf is a process's processor time, user and system, with its ended children's.
func ticksOf(pid int) (sum float64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	_, rest, ok := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 15 {
		return 0, errors.New("read processor time: /proc has another form")
	}
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime: fields 14 to 17
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0, fmt.Errorf("read processor time: %w", err)
		}
		sum += n
	}
	return sum, nil
}

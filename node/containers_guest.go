package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// guestTime bounds a guest.
const guestTime = 30 * time.Second

// RunGuest runs this very program in a container as strangers' jobs run, with these variables
// and no network asked for, and returns what it wrote. The sandbox's files are in dir.
func RunGuest(ctx context.Context, held, dir string, env []string) (said string, err error) {
	own, err := os.Executable()
	if err == nil {
		own, err = filepath.EvalSymlinks(own)
	}
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	root := filepath.Join(dir, "guest")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("make a guest's root: %w", err)
	}
	e, err := openContainers(&RigConfig{Containers: held, AllowRunc: true}, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1) // gets Run's result, once
	go func() { ended <- e.Run(running) }()
	select {
	case <-e.Started():
		said, err = runGuest(ctx, e, runner.Spec{Root: root, InDir: filepath.Dir(own), Args: []string{"/in/" + filepath.Base(own)}, Env: env,
			Processes: 32, MemoryBytes: 512 << 20, StdoutBytes: 64 << 10, Deadline: guestTime})
	case <-ctx.Done():
		err = ctx.Err()
	}
	stop()
	return said, errors.Join(err, <-ended, e.Close())
}

func runGuest(ctx context.Context, e runner.Engine, s runner.Spec) (string, error) {
	var out bytes.Buffer
	j, err := e.Start(ctx, s, &out, &out)
	if err != nil {
		return "", err
	}
	res, err := j.Wait()
	if err == nil && (res.Failure != nil || res.ExitCode != 0) {
		err = fmt.Errorf("the guest ended with code %d, %v, saying %q", res.ExitCode, res.Failure, out.String())
	}
	return out.String(), err
}

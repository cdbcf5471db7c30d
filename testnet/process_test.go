package testnet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/discovery"
	"github.com/rerig/rerig/protocol"
)

// processEnv tells the test binary to be a node: a member that can be killed.
const processEnv = "RERIG_TESTNET_PROCESS"

// processOrder is the part of a node's configuration that a child is given.
type processOrder struct {
	DataDir string
	Profile *node.Profile
	Listen  []string
	Rig     *node.RigConfig
	Deposit protocol.Amount
	Timing  discovery.Timing
}

// process is a member in a process of its own.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer     // its end ends the node in good order
	read  chan struct{} // closed when its log has ended
}

// runProcess is the child: a node from the configuration on stdin, until stdin ends.
func runProcess() int {
	var order processOrder
	err := json.NewDecoder(os.Stdin).Decode(&order)
	if err == nil {
		err = serve(node.Config{DataDir: order.DataDir, Profile: order.Profile, Listen: order.Listen, Rig: order.Rig,
			Deposit: order.Deposit, Timing: order.Timing,
			Logger: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	}
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("node ended", "err", err)
		return 1
	}
	return 0
}

func serve(cfg node.Config) error {
	n, err := node.New(cfg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return n.Run(ctx)
}

// startProcess starts a member that the network would have started in this process.
func startProcess(ctx context.Context, cfg node.Config, logs *recorder, name string) (*process, *client.Client, error) {
	body, err := json.Marshal(processOrder{cfg.DataDir, cfg.Profile, cfg.Listen, cfg.Rig, cfg.Deposit, cfg.Timing})
	if err != nil {
		return nil, nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	p := &process{cmd: exec.Command(exe), read: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), processEnv+"=1")
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	p.stdin = stdin
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	go func() {
		defer close(p.read)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			logs.line(name, lines.Bytes())
		}
	}()
	if _, err := stdin.Write(append(body, '\n')); err != nil {
		return nil, nil, errors.Join(err, p.kill())
	}
	for ctx.Err() == nil {
		c, err := client.Connect(ctx, cfg.DataDir)
		if err == nil {
			return p, c, nil
		}
		if !errors.Is(err, client.ErrNoNode) {
			return nil, nil, errors.Join(err, p.kill())
		}
		select {
		case <-p.read:
			return nil, nil, fmt.Errorf("process of %s ended at once: %w", name, p.kill())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil, nil, errors.Join(ctx.Err(), p.kill())
}

// kill ends the process as a crash does: SIGKILL, whatever it is doing.
func (p *process) kill() error {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	return p.wait()
}

// stop ends it in good order.
func (p *process) stop() error {
	_ = p.stdin.Close()
	return p.wait()
}

func (p *process) wait() error {
	<-p.read
	_ = p.stdin.Close()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/update"
)

const (
	// probeEnv makes `rerig up` end once it sells, which proves a new version.
	probeEnv = "RERIG_UPDATE_PROBE"
	// probeWait is how long a new version may take to sell on this node's own data.
	probeWait = 10 * time.Minute
)

// autoFlags are those of `rerig up` that keep it up to date.
type autoFlags struct {
	updateFlags
	every time.Duration
}

func (u *autoFlags) register(f *pflag.FlagSet) {
	u.updateFlags.register(f, "update-")
	f.DurationVar(&u.every, "update-every", 6*time.Hour, "`time` between looks for a newer release, where --update-url says from where; 0 looks never")
}

// updater replaces a running node's program.
type updater struct {
	app     *app
	p       *progress
	src     *update.Source
	pin     string
	every   time.Duration
	at      string
	release update.Release
	program string // of the release, ready to be tried; "" for none. Owned by watch until it returned
	ended   chan struct{}
}

// newUpdater is nil where nobody asked for updates.
func (a *app) newUpdater(u *autoFlags, dataDir string, p *progress) (*updater, error) {
	if os.Getenv(probeEnv) != "" || u.every == 0 || (u.url == "" && u.key == "") {
		return nil, nil
	}
	src, err := u.source(dataDir, "update-")
	if err != nil {
		return nil, err
	}
	if profile, err := a.profile(); err != nil {
		return nil, err
	} else if !profile.Local && a.passphraseFile == "" {
		return nil, usage("--update-url: a node that starts itself again cannot ask for its passphrase; give --passphrase-file")
	}
	at, err := programPath()
	return &updater{app: a, p: p, src: src, pin: u.pin, every: u.every, at: at, ended: make(chan struct{})}, err
}

// watch looks for a release until there is one whose program starts. Then it has the node end
// its jobs, and stops it.
func (u *updater) watch(ctx context.Context, n *node.Node, stop context.CancelFunc) {
	defer close(u.ended)
	next := time.NewTimer(rand.N(u.every)) // so that not all ask at once
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		if err := u.look(ctx); err != nil && ctx.Err() == nil {
			u.p.warn("update: %v", err)
		}
		if u.program != "" {
			u.p.done("version %s is ready; no new jobs are taken until it runs", u.release.Version)
			n.Drain(ctx) // ended by the user, it is not tried at all
			stop()
			return
		}
		next.Reset(u.every)
	}
}

// look fetches a newer release, if there is one.
func (u *updater) look(ctx context.Context) (err error) {
	if u.release, err = u.src.Latest(ctx); err != nil {
		return err
	}
	if !wanted(u.release.Version, node.BuildVersion(), u.pin) || u.src.Shunned(u.release.Version) {
		return nil
	}
	u.program, err = u.app.fetchProved(ctx, u.src, u.release, filepath.Dir(u.at))
	return err
}

// replace is called when the node has ended. If that was for an update, the new version is
// tried on the node's own data and takes its place, or the old one goes on; replace returns
// only if neither could be started, or there was no update.
func (u *updater) replace(ctx context.Context) error {
	<-u.ended
	if u.program == "" {
		return nil
	}
	if ctx.Err() != nil { // somebody ended the node
		return os.Remove(u.program)
	}
	err := u.prove(ctx)
	if ctx.Err() != nil { // ended meanwhile, it has shown nothing
		return os.Remove(u.program)
	}
	if err != nil {
		err = errors.Join(err, u.src.Shun(u.release.Version), os.Remove(u.program))
		u.p.warn("update: version %s was not installed, and %s goes on: %v", u.release.Version, node.BuildVersion(), err)
	} else if err := update.Install(u.program, u.at); err != nil {
		u.p.warn("update: %v", err)
	} else {
		u.p.done("version %s is installed", u.release.Version)
	}
	return startAgain(u.at)
}

// prove starts the new version as this one was started, until it sells.
func (u *updater) prove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, u.program, os.Args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "NOTIFY_SOCKET=") }), probeEnv+"=1")
	cmd.Stderr = u.app.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("it does not sell here: %w", err)
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/update"
)

// versionWait is how long a new program may take to say its version.
const versionWait = time.Minute

// updateFlags say whose releases are taken, and which.
type updateFlags struct {
	url string
	key string
	pin string
}

func (u *updateFlags) register(f *pflag.FlagSet, prefix string) {
	f.StringVar(&u.url, prefix+"url", "", "`URL` of the directory with the release, its checksums and their signature")
	f.StringVar(&u.key, prefix+"key", "", "minisign `public key` that the release must be signed with")
	f.StringVar(&u.pin, prefix+"pin", "", "take this `version` only")
}

// source checks the flags.
func (u *updateFlags) source(dir, prefix string) (*update.Source, error) {
	if u.url == "" || u.key == "" {
		return nil, usage("--%surl and --%skey: where releases are and who signs them; both are needed", prefix, prefix)
	}
	key, err := update.ParseKey(u.key)
	if err != nil {
		return nil, usage("--%skey: %w", prefix, err)
	}
	return &update.Source{URL: u.url, Key: key, Dir: filepath.Join(dir, "updates")}, nil
}

// updateStatus is what `rerig update -o json` prints.
type updateStatus struct {
	Version   string `json:"version"`   // that runs
	Latest    string `json:"latest"`    // that the signer offers
	Newer     bool   `json:"newer"`     // than what runs, and not held back by --pin
	Shunned   bool   `json:"shunned"`   // it failed here before
	Installed bool   `json:"installed"` // by this command
	Path      string `json:"path"`      // of the program
}

func (a *app) updateCmd() *cobra.Command {
	var u updateFlags
	var check, rollback bool
	c := &cobra.Command{
		Use: "update", Short: "Put a newer signed release in this program's place",
		Long: `Put a newer release in the place of this program, if its checksums are signed with --key
and it starts; the one before stays beside it, and --rollback puts it back. An older version
is never taken by itself. A node that runs goes on with the program it has until it is
started again.

` + "`rerig up --update-url --update-key`" + ` does this by itself: it takes no new jobs, ends those it
has, starts the new version on its own data, and goes back if that fails.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := programPath()
			if err != nil {
				return err
			}
			if rollback {
				return a.rollback(at)
			}
			src, err := u.source(a.dir(), "")
			if err != nil {
				return err
			}
			return a.update(cmd.Context(), src, u.pin, at, check)
		},
	}
	u.register(c.Flags(), "")
	c.Flags().BoolVar(&check, "check", false, "only say whether there is a newer one")
	c.Flags().BoolVar(&rollback, "rollback", false, "put the program before the last update back")
	return c
}

func (a *app) rollback(at string) error {
	if err := update.Rollback(at); err != nil {
		return err
	}
	a.progress().done("%s is the program before the last update again; start the node again to run it", at)
	// A node that updates itself would put back at once what was rolled back from: this program.
	src := &update.Source{Dir: filepath.Join(a.dir(), "updates")}
	return src.Shun(bare(node.BuildVersion()))
}

func (a *app) update(ctx context.Context, src *update.Source, pin, at string, check bool) error {
	p := a.progress()
	r, err := src.Latest(ctx)
	if err != nil {
		return err
	}
	st := updateStatus{Version: node.BuildVersion(), Latest: r.Version, Path: at, Shunned: src.Shunned(r.Version)}
	st.Newer = wanted(r.Version, st.Version, pin)
	if st.Newer && !check {
		program, err := a.fetchProved(ctx, src, r, filepath.Dir(at))
		if err != nil {
			return err
		}
		if err := update.Install(program, at); err != nil {
			return errors.Join(err, os.Remove(program))
		}
		st.Installed = true
		p.done("%s is version %s now; a node that runs goes on with %s until it is started again", at, r.Version, st.Version)
	}
	return a.print(st, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, st.Latest)
		switch {
		case st.Installed: // said already
		case !st.Newer:
			p.done("this is version %s, and nothing is to be done", st.Version)
		default:
			p.done("this is version %s; `rerig update` installs %s", st.Version, st.Latest)
		}
		return err
	})
}

// wanted tells whether a version should take the place of the one that runs.
func wanted(version, running, pin string) bool {
	if pin != "" {
		return bare(version) == bare(pin) && bare(version) != bare(running)
	}
	return update.Newer(version, running)
}

// bare is a version as releases have it: git's tags begin with a v.
func bare(version string) string { return strings.TrimPrefix(version, "v") }

// fetchProved brings a release's program and has it say its version.
func (a *app) fetchProved(ctx context.Context, src *update.Source, r update.Release, dir string) (string, error) {
	program, err := src.Fetch(ctx, r, dir)
	if err != nil {
		return "", err
	}
	short, cancel := context.WithTimeout(ctx, versionWait)
	defer cancel()
	cmd := exec.CommandContext(short, program, "version", "-o", "json")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var v versionInfo
	if err == nil {
		err = json.Unmarshal(out, &v)
	}
	var ended *exec.ExitError
	itself := errors.As(err, &ended) // and not this machine, which may have been short of something
	if err == nil && bare(v.Version) != r.Version {
		itself, err = true, fmt.Errorf("it says it is %q", v.Version)
	}
	if err == nil {
		return program, nil
	}
	err = fmt.Errorf("release %s does not start here, and was not installed: %w %.500s", r.Version, err, said.String())
	if itself && ctx.Err() == nil {
		err = errors.Join(err, src.Shun(r.Version))
	}
	return "", errors.Join(err, os.Remove(program))
}

// programPath is the file of this program, behind any links.
func programPath() (string, error) {
	path, err := os.Executable()
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", fmt.Errorf("find this program's file: %w", err)
	}
	return path, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
)

func (a *app) logsCmd() *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use: "logs ID", Short: "Show the output of a run, or of an array or a gang with the index before each line", Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.logs(cmd.Context(), args[0], follow) },
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "wait for more until the run has ended")
	return c
}

func (a *app) logs(ctx context.Context, id string, follow bool) (err error) {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if g, err := s.group(ctx, id); g != nil || err != nil {
		if err != nil {
			return err
		}
		return a.logsGroup(ctx, s, g, follow)
	}
	err = s.Follow(ctx, id, follow, func(ev node.Event) error {
		w := a.stdout
		if ev.FD == 2 {
			w = a.stderr
		}
		if _, err := w.Write(ev.Data); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		return nil
	})
	if ctx.Err() != nil { // Ctrl-C ends the looking, not the run
		return nil
	}
	return err
}

func (a *app) cpCmd() *cobra.Command {
	return &cobra.Command{
		Use: "cp ID:[PATH] DEST", Short: "Copy output files of a run: one, or all without PATH",
		Long: `Copy output files of a run: one, or all without PATH. Of an array or a gang PATH begins
with the index of the task or rank; without PATH, DEST gets a directory for each.`,
		Args: exactly("ID:[PATH]", "DEST"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.cp(cmd.Context(), args[0], args[1]) },
	}
}

func (a *app) cp(ctx context.Context, from, dest string) (err error) {
	id, path, ok := strings.Cut(from, ":")
	if !ok || id == "" {
		return usage("the first argument is ID:PATH, or ID: for all files, got %q", from)
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if g, err := s.group(ctx, id); g != nil || err != nil {
		if err != nil {
			return err
		}
		return a.cpGroup(ctx, s, g, path, dest)
	}
	st, err := s.Run(ctx, id)
	if err != nil {
		return err
	}
	return a.cpRun(st, path, dest)
}

// cpGroup copies the files of all members that have some, or of the one that the path begins with.
func (a *app) cpGroup(ctx context.Context, s *session, g *node.GroupStatus, path, dest string) error {
	only := -1
	if path != "" {
		first, rest, _ := strings.Cut(filepath.ToSlash(path), "/")
		n, err := strconv.Atoi(first)
		if err != nil || n < 0 || n >= g.Size {
			return usage("of %d %ss; give ID:INDEX/PATH, ID:INDEX or ID: alone, got %q", g.Size, kindOf(g), path)
		}
		only, path = n, rest
	}
	found := false
	err := s.FollowGroup(ctx, g.ID.String(), false, func(ev node.GroupEvent) error {
		st := ev.Status
		switch {
		case st == nil || only >= 0 && ev.Index != only:
			return nil
		case only >= 0:
			found = true
			return a.cpRun(st, path, dest)
		case !exists(filepath.Join(st.Dir, "out")):
			return nil
		}
		found = true
		return a.cpRun(st, "", filepath.Join(dest, strconv.Itoa(ev.Index)))
	})
	if err == nil && !found {
		err = fmt.Errorf("%s %s has no such output files yet; `rerig wait %s` waits for them", kindOf(g), g.ID.Short(), g.ID.Short())
	}
	return err
}

// cpRun copies a run's files: one, or all.
func (a *app) cpRun(st *node.RunStatus, path, dest string) error {
	out := filepath.Join(st.Dir, "out")
	if _, err := os.Stat(out); err != nil {
		return fmt.Errorf("run %s has no output files; `rerig logs %s` shows what it printed", st.ID.Short(), st.ID.Short())
	}
	if path == "" {
		files, err := copyOut(st.Dir, dest)
		for _, f := range files {
			a.progress().done("wrote %s", f)
		}
		return err
	}
	if !filepath.IsLocal(path) {
		return usage("%q is not a path below the run's outputs", path)
	}
	src := filepath.Join(out, path)
	if info, err := os.Stat(src); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("run %s has no output file %s; `rerig inspect %s` lists them", st.ID.Short(), path, st.ID.Short())
	}
	if info, err := os.Stat(dest); err == nil && info.IsDir() {
		dest = filepath.Join(dest, filepath.Base(path))
	}
	if err := copyFile(src, dest); err != nil {
		return fmt.Errorf("copy %s: %w", path, err)
	}
	a.progress().done("wrote %s", dest)
	return nil
}

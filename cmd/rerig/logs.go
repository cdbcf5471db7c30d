package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
)

func (a *app) logsCmd() *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use: "logs ID", Short: "Show the output of a run", Args: exactly("ID"),
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
	st, err := s.Run(ctx, id)
	if err != nil {
		return err
	}
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

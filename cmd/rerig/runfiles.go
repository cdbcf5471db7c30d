package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/transfer"
)

// fetchedBytes caps the inputs that were fetched by URL and are kept for the next run.
const fetchedBytes = 10 << 30

// inputs reads FILE, URL and CID, each with =NAME behind it or without.
func (a *app) inputs(ctx context.Context, list []string) (files []node.File, err error) {
	for _, s := range list {
		f := node.File{}
		f.Path, f.Name = splitInput(s)
		if f.Path != s {
			if err := protocol.CheckFileName("--input name", f.Name); err != nil {
				return nil, usage("%w", err)
			}
		}
		switch {
		case transfer.Remote(f.Path):
			err = a.fetch(ctx, &f)
		case !exists(f.Path) && isCID(f.Path):
			f.CID, f.Path = f.Path, ""
		default:
			if err := readable("--input", f.Path); err != nil {
				return nil, err
			}
			f.Path, err = filepath.Abs(f.Path) // the node has another working directory
		}
		if err != nil {
			return nil, fmt.Errorf("--input: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}

// isCID tells CID and CID/FILE.
func isCID(s string) bool {
	root, _, _ := strings.Cut(s, "/")
	return protocol.CheckCID("--input", root) == nil
}

// splitInput cuts the name off. In a URL the = of its last parameter is no name's.
func splitInput(s string) (path, name string) {
	i := strings.LastIndex(s, "=")
	if i <= 0 {
		return s, ""
	}
	if transfer.Remote(s) {
		parameter := strings.LastIndexAny(s[:i], "?&")
		if s[i+1:] == "" || strings.ContainsAny(s[i:], "/&%") || parameter >= 0 && !strings.Contains(s[parameter:i], "=") {
			return s, ""
		}
	}
	return s[:i], s[i+1:]
}

// fetch brings an input by URL into the user's cache.
func (a *app) fetch(ctx context.Context, f *node.File) error {
	dir, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("the user's cache directory: %w", err)
	}
	p := a.progress()
	url := f.Path
	c := transfer.Cache{Dir: filepath.Join(dir, "rerig", "inputs"), MaxBytes: fetchedBytes, MaxFile: protocol.MaxInputBytes,
		Told: func(done, all int64) { p.live("fetching %s", amountOf(done, all)) }}
	path, name, err := c.Get(ctx, url)
	p.clear()
	if err != nil {
		return err
	}
	if f.Path = path; f.Name == "" {
		if err := protocol.CheckFileName("the URL's file name", name); err != nil {
			return fmt.Errorf("%w; give URL=NAME", err)
		}
		f.Name = name
	}
	return nil
}

func amountOf(done, all int64) string {
	if all <= 0 {
		return fmt.Sprintf("%.1f MiB", float64(done)/(1<<20))
	}
	return fmt.Sprintf("%.1f of %.1f MiB", float64(done)/(1<<20), float64(all)/(1<<20))
}

// outDir is where the output files go; "" leaves them with the node.
func outDir(r *runFlags) string {
	if r.outDir != "" || len(r.inputs) == 0 {
		return r.outDir
	}
	path, _ := splitInput(r.inputs[0])
	if transfer.Remote(path) || !exists(path) {
		return "."
	}
	return filepath.Dir(path)
}

// putOut takes a run's output files to a directory, or to s3://BUCKET/PREFIX, and names
// what was written.
func (a *app) putOut(ctx context.Context, runDir, dest string, p *progress) ([]string, error) {
	if !transfer.Remote(dest) {
		return copyOut(runDir, dest)
	}
	urls, err := transfer.PutDir(ctx, filepath.Join(runDir, "out"), dest, func(name string, done, all int64) {
		p.live("putting %s · %s", name, amountOf(done, all))
	})
	p.clear()
	return urls, err
}

// checkOut refuses a destination that could not be written to, before anything is paid.
func checkOut(dest string) error {
	if transfer.Remote(dest) && !strings.HasPrefix(dest, "s3://") {
		return usage("--out-dir: %w", errors.New("a directory or s3://BUCKET/PREFIX"))
	}
	return nil
}

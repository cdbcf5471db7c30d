package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
)

func (a *app) debugCmd() *cobra.Command {
	bundle := &cobra.Command{
		Use: "bundle [FILE]", Short: "Pack what helps to find a fault, without secrets",
		Long: `Write a tar.gz with the version, the settings, what the running node tells of itself,
how many jobs ended how, what its goroutines do, and the findings of rerig doctor. Keys,
passphrases and tokens are left out: of settings only values that cannot be one are kept,
and of URLs only the host. Addresses of the chain and peers are public and stay. Look into
it before you send it.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("unexpected argument %q; see `rerig debug bundle --help`", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			file := time.Now().UTC().Format("rerig-debug-20060102-150405.tar.gz")
			if len(args) > 0 {
				file = args[0]
			}
			return a.debugBundle(cmd, file)
		},
	}
	return group("debug", "Find out what is wrong", bundle)
}

// debugBundle writes the file anew; one that is there stays.
func (a *app) debugBundle(cmd *cobra.Command, file string) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}()
	b := newBundle(f, a.newScrubber())
	a.describe(cmd, b)
	if err := errors.Join(cmd.Context().Err(), b.close()); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	a.progress().done("wrote %s: %s", file, strings.Join(b.names, ", "))
	return nil
}

// describe packs what there is. What cannot be had is named in its place.
func (a *app) describe(cmd *cobra.Command, b *bundle) {
	ctx := cmd.Context()
	b.json("version.json", map[string]string{"version": node.BuildVersion(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
		"processors": fmt.Sprint(runtime.NumCPU()), "time": time.Now().UTC().Format(time.RFC3339)}, nil)
	settings, err := a.harmless(cmd)
	b.json("settings.json", settings, err)
	a.describeNode(ctx, b)
	b.text("doctor.json", examine(cmd))
}

// examine is what `rerig doctor` finds with the same global flags.
func examine(cmd *cobra.Command) string {
	var out, log strings.Builder
	args := []string{"doctor"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if cmd.Root().PersistentFlags().Lookup(f.Name) == f {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	inner := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &log}
	inner.execute(cmd.Context(), append(args, "--output=json", "--log-format=text")) // its code says whether it found faults
	return out.String() + log.String()
}

// describeNode asks the node that runs.
func (a *app) describeNode(ctx context.Context, b *bundle) {
	s, err := a.connect(ctx)
	if err != nil {
		b.json("node.json", nil, err)
		return
	}
	defer func() {
		if err := s.Close(); err != nil && b.err == nil {
			b.err = err
		}
	}()
	b.json("node.json", s.info, nil)
	if s.info.Rig != nil {
		rig, err := s.Rig(ctx)
		b.json("rig.json", rig, err)
	}
	jobs, err := countJobs(ctx, s.Client)
	b.json("jobs.json", jobs, err)
	if stacks, err := s.Stacks(ctx); err != nil {
		b.json("stacks.json", nil, err)
	} else {
		b.text("stacks.txt", stacks.Text)
	}
}

// jobCount is how many of the latest jobs are in a state for a reason.
type jobCount struct {
	Role   string `json:"role"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	Jobs   int    `json:"jobs"`
}

func countJobs(ctx context.Context, c *client.Client) (list []jobCount, err error) {
	recs, err := c.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	for i := range recs {
		j := &recs[i].Job
		one := jobCount{string(j.Role), string(j.State), string(j.Reason), 1}
		at := slices.IndexFunc(list, func(o jobCount) bool { return o.Role == one.Role && o.State == one.State && o.Reason == one.Reason })
		if at < 0 {
			list = append(list, one)
		} else {
			list[at].Jobs++
		}
	}
	return list, nil
}

// bundle is an archive that is being written. Its first error is close's.
type bundle struct {
	zip   *gzip.Writer
	tar   *tar.Writer
	scrub *scrubber
	names []string
	err   error
}

func newBundle(w io.Writer, s *scrubber) *bundle {
	zip := gzip.NewWriter(w)
	return &bundle{zip: zip, tar: tar.NewWriter(zip), scrub: s}
}

// json packs a value, or why there is none.
func (b *bundle) json(name string, v any, err error) {
	if err != nil {
		v = map[string]string{"error": err.Error()}
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		text = []byte(err.Error())
	}
	b.text(name, string(text)+"\n")
}

// text packs a file without what the scrubber takes out.
func (b *bundle) text(name, text string) {
	if b.err != nil {
		return
	}
	text = b.scrub.clean(text)
	b.names = append(b.names, name)
	b.err = b.tar.WriteHeader(&tar.Header{Name: "rerig-debug/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: time.Now().Truncate(time.Second)})
	if b.err == nil {
		_, b.err = io.WriteString(b.tar, text)
	}
}

func (b *bundle) close() error { return errors.Join(b.err, b.tar.Close(), b.zip.Close()) }

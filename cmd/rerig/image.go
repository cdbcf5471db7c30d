package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node/image"
)

// imageLibrary is where this user's images are, whatever node runs them.
func imageLibrary() string { return filepath.Join(dataHome(), "images") }

// library opens the user's images.
func (a *app) library() *image.Library {
	l := image.OpenLibrary(imageLibrary())
	p := a.progress()
	l.Progress = func(line string) { p.line("%s", line) }
	return l
}

func (a *app) imageCmd() *cobra.Command {
	return group("image", "Make, fetch and list the images that containers run",
		a.imageBuildCmd(), a.imageLoadCmd(), a.imagePullCmd(), a.imageLsCmd(), a.imageInspectCmd(), a.imageRmCmd())
}

func (a *app) imageBuildCmd() *cobra.Command {
	var name string
	var r image.Recipe
	c := &cobra.Command{
		Use: "build -t NAME[:TAG] [flags] [DIR]", Short: "Make an image of a directory, of Debian packages, or of both",
		Long: `Make an image without Docker, root or a registry: of Debian packages and all that they
depend on, of a directory, or of both, which lies over the packages. The packages come
from this machine's own apt sources, or with --suite from another suite of the same archive,
with its signatures checked; their scripts are not run, but the links of update-alternatives are made. What was packed before is not
fetched again while an image has it. The same packages and files give
the same image, bit for bit.`,
		Example: `  rerig image build -t ocr --deb tesseract-ocr,tesseract-ocr-eng --entrypoint tesseract
  rerig image build -t hello ./root --entrypoint /bin/hello
  rerig image build -t train --deb python3-torch,libopenblas0-pthread
  rerig image build -t llama --suite sid --deb llama.cpp-tools --entrypoint llama-server
  rerig image build -t train:v2 --base train --env OMP_NUM_THREADS=1 ./scripts`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return usage("unexpected argument %q; see `%s --help`", args[1], cmd.CommandPath())
			case name == "":
				return usage("--tag is missing: how the image is to be called; see `%s --help`", cmd.CommandPath())
			case len(args) == 0 && len(r.Packages) == 0 && r.Base == "":
				return usage("give a DIR, --deb packages, or a --base; see `%s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if st, err := os.Stat(args[0]); err != nil || !st.IsDir() {
					return usage("DIR: %s is not a directory", args[0])
				}
				r.Dir = args[0]
			}
			return a.imageAdded(a.library().Build(cmd.Context(), name, r))
		},
	}
	f := c.Flags()
	f.StringVarP(&name, "tag", "t", "", "`name` of the image, with :TAG or as :latest")
	f.StringVar(&r.Base, "base", "", "`image` whose layers come first, and whose settings are kept where no flag says otherwise")
	f.StringSliceVar(&r.Packages, "deb", nil, "Debian `packages`, separated by commas; name=version pins one")
	f.StringVar(&r.Suite, "suite", "", "`suite` of Debian's that the packages come from, such as trixie or sid (default those of this machine's sources)")
	f.StringArrayVar(&r.Entrypoint, "entrypoint", nil, "`word` of the program that the image runs; repeat for its arguments")
	f.StringArrayVar(&r.Cmd, "cmd", nil, "`word` of the arguments that a job without any gets; may be repeated")
	f.StringArrayVarP(&r.Env, "env", "e", nil, "`KEY=VALUE` for the program; may be repeated")
	f.StringVar(&r.WorkDir, "workdir", "", "`directory` of the image in which the program starts")
	f.StringVar(&r.User, "user", "", "`user`[:group] of the program, by name in the image or by number")
	return c
}

func (a *app) imageLoadCmd() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "load FILE|DIR", Short: "Take an image from this machine: an OCI layout, or what `docker save` wrote", Args: exactly("FILE|DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.imageAdded(a.library().Load(cmd.Context(), args[0], name))
		},
	}
	c.Flags().StringVarP(&name, "tag", "t", "", "`name` of the image (default the archive's own)")
	return c
}

func (a *app) imagePullCmd() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "pull [REGISTRY/]NAME[:TAG]", Short: "Take an image from a registry, with your docker credentials or none", Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.imageAdded(a.library().Pull(cmd.Context(), args[0], name))
		},
	}
	c.Flags().StringVarP(&name, "tag", "t", "", "`name` of the image here (default the same)")
	return c
}

func (a *app) imageLsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the images that are here", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			images, err := a.library().List()
			if err != nil {
				return err
			}
			return a.print(images, func(w io.Writer) error {
				if len(images) == 0 {
					a.progress().line("no images; `rerig image pull`, `load` and `build` bring some")
					return nil
				}
				t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
				fmt.Fprintln(t, "NAME\tDIGEST\tLAYERS\tSIZE")
				for _, i := range images {
					fmt.Fprintf(t, "%s\t%.19s\t%d\t%s\n", i.Name, i.Digest, len(i.Layers), mebibytes(i.Bytes))
				}
				return t.Flush()
			})
		},
	}
}

func (a *app) imageInspectCmd() *cobra.Command {
	return &cobra.Command{
		Use: "inspect IMAGE", Short: "Show what an image is made of and what it runs", Args: exactly("IMAGE"),
		RunE: func(_ *cobra.Command, args []string) error {
			i, err := a.library().Find(args[0])
			if err != nil {
				return err
			}
			return a.print(i, func(w io.Writer) error { return showImage(w, i) })
		},
	}
}

func showImage(w io.Writer, i *image.Image) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, line := range [][2]string{
		{"name", i.Name}, {"digest", i.Digest}, {"id", i.ID}, {"platform", i.Platform}, {"size", mebibytes(i.Bytes)}, {"layout", i.Dir},
		{"entrypoint", words(i.Config.Entrypoint)}, {"cmd", words(i.Config.Cmd)}, {"workdir", i.Config.WorkingDir}, {"user", i.Config.User},
	} {
		if line[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
		}
	}
	for _, e := range i.Config.Env {
		fmt.Fprintf(t, "env\t%q\n", e)
	}
	for _, l := range i.Layers {
		fmt.Fprintf(t, "layer\t%s  %s\n", l.Digest, mebibytes(l.Bytes))
	}
	return t.Flush()
}

// words quotes a command line's words: they are of the image's choosing.
func words(list []string) string {
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(quoted, " ")
}

func (a *app) imageRmCmd() *cobra.Command {
	return &cobra.Command{
		Use: "rm IMAGE…", Short: "Remove images from this machine",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("IMAGE is missing; see `%s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if err := a.library().Remove(cmd.Context(), name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// imageAdded tells of an image that is now here.
func (a *app) imageAdded(i *image.Image, err error) error {
	if err != nil {
		return err
	}
	return a.print(i, func(w io.Writer) error {
		a.progress().done("%s: %d layers, %s", i.Name, len(i.Layers), mebibytes(i.Bytes))
		_, err := fmt.Fprintln(w, i.Digest)
		return err
	})
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

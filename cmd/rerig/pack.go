package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// packArgs are the command lines of servers whose publisher gives none.
var packArgs = map[string][]string{
	protocol.ServerLlama: {"--model", "{model}", "--alias", "{name}", "--host", "127.0.0.1", "--port", "{port}", "--ctx-size", "{contexts}",
		"--parallel", "{parallel}", "--no-kv-unified", "--cache-ram", "0", "--no-webui", "--offline", "--log-verbosity", "1"},
	protocol.ServerVLLM: {"serve", "{model}", "--served-model-name", "{name}", "--host", "127.0.0.1", "--port", "{port}",
		"--max-model-len", "{context}", "--max-num-seqs", "{parallel}"},
}

func (a *app) packCmd() *cobra.Command {
	return group("pack", "Publish and look at engine packs, the servers that rigs compute models with", a.packPublishCmd(), a.packShowCmd())
}

// packFlags are those of a pack that is published.
type packFlags struct {
	pack  protocol.EnginePack
	image string
	file  string
	drawn protocol.Images
}

func (a *app) packPublishCmd() *cobra.Command {
	var p packFlags
	c := &cobra.Command{
		Use: "publish [flags] NAME:RELEASE", Short: "Sign an engine pack with this node's key, and give it to whoever asks", Args: exactly("NAME:RELEASE"),
		Long: `Make an engine pack of an image with a server for models: sign what it is and how it is run
with this node's key, and give both to rigs that ask for its CID, while the node runs. A rig runs
it where its miner trusts this node's address: rerig up --serve … --engine-pack CID
--pack-publisher ADDRESS. In --arg, {model}, {name}, {port}, {parallel}, {context} (tokens of one
request) and {contexts} (of all at once) are what the rig puts there.`,
		Example: `  rerig image build -t llama --suite sid --deb llama.cpp-tools,libggml0-backend-vulkan,mesa-vulkan-drivers --entrypoint llama-server
  rerig pack publish --image llama --needs vulkan,cpu llama.cpp:b11669`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, release, ok := strings.Cut(args[0], ":")
			if !ok {
				return usage("NAME:RELEASE, such as llama.cpp:b11669, got %q", args[0])
			}
			p.pack.Name, p.pack.Release = name, release
			return a.packPublish(cmd.Context(), &p)
		},
	}
	f := c.Flags()
	f.StringVar(&p.image, "image", "", "`image` with the server, by name or a directory with an OCI layout; its entrypoint is what runs")
	f.StringVar(&p.pack.Server, "server", protocol.ServerLlama, "`kind` of the server: llama-server; vllm, which is unproven")
	f.StringArrayVar(&p.pack.Args, "arg", nil, "`word` of its command line, behind the image's entrypoint; repeat for more (default what the kind needs)")
	f.Uint16Var(&p.pack.Port, "port", 8080, "`port` that it listens on, inside")
	f.StringVar(&p.pack.Health, "health", "/health", "`path` that answers 200 when the model is loaded")
	f.StringSliceVar(&p.pack.Formats, "formats", []string{protocol.FormatGGUF}, "`formats` of weights that it takes: gguf, safetensors")
	f.StringSliceVar(&p.pack.Needs, "needs", []string{protocol.NeedsCPU}, "what it computes on, the preferred one first: `vulkan, cuda, cpu`")
	f.StringVar(&p.pack.MinDriver, "min-driver", "", "least `version` of NVIDIA's driver (default any)")
	f.Uint32Var(&p.pack.Seconds, "start-seconds", 300, "`seconds` that it may take to load a model")
	f.Uint8Var(&p.pack.AtOnce, "parallel", 4, "`requests` that it computes at once")
	f.Uint64Var(&p.drawn.Units, "image-units", 0, "`units` of the model's price that an image costs, where the server makes images (default it makes none)")
	f.StringSliceVar(&p.drawn.Sizes, "image-sizes", []string{"512x512"}, "`sizes` of its images, the usual one first")
	f.Uint32Var(&p.drawn.Bytes, "image-bytes", 2<<20, "most `bytes` of one")
	f.StringVar(&p.file, "file", "", "write the pack to this `file` too")
	return c
}

func (a *app) packPublish(ctx context.Context, p *packFlags) (err error) {
	if p.image == "" {
		return usage("--image is missing: what has the server; `rerig image build` makes one")
	}
	if len(p.pack.Args) == 0 {
		p.pack.Args = packArgs[p.pack.Server]
	}
	if p.drawn.Units > 0 {
		p.pack.Images = &p.drawn
	}
	layout, err := a.imageLayout(p.image)
	if err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := s.PublishPack(ctx, &node.PackRequest{Image: layout, Pack: p.pack})
	if err != nil {
		return err
	}
	if p.file != "" {
		if err := os.WriteFile(p.file, r.File, 0o644); err != nil {
			return fmt.Errorf("--file: %w", err)
		}
	}
	a.progress().done("rigs run it with --engine-pack %s --pack-publisher %s", r.CID, r.Pack.Publisher)
	return a.print(r, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, r.CID)
		return err
	})
}

func (a *app) packShowCmd() *cobra.Command {
	return &cobra.Command{
		Use: "show CID|FILE", Short: "Check an engine pack's signature, and show whose it is and what it runs", Args: exactly("CID|FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.packOf(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(r, func(w io.Writer) error { return showPack(w, r) })
		},
	}
}

// packOf reads a pack from a file, or by its CID from peers.
func (a *app) packOf(ctx context.Context, from string) (r *node.PackReply, err error) {
	if protocol.CheckCID("pack", from) == nil {
		var s *session
		if s, err = a.open(ctx); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return s.Pack(ctx, from)
	}
	f, err := os.Open(from)
	if err != nil {
		return nil, usage("CID|FILE: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, protocol.MaxPackBytes+1))
	if err != nil {
		return nil, err
	}
	p, err := protocol.ReadPack(raw)
	if err != nil {
		return nil, err
	}
	return &node.PackReply{Pack: *p, File: raw}, nil
}

func showPack(w io.Writer, r *node.PackReply) error {
	p := &r.Pack
	images := ""
	if i := p.Images; i != nil {
		images = fmt.Sprintf("%d units each, %s, %d bytes at most", i.Units, strings.Join(i.Sizes, " or "), i.Bytes)
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, line := range [][2]string{
		{"pack", p.Name + " " + p.Release}, {"cid", r.CID}, {"publisher", p.Publisher.String()}, {"server", p.Server},
		{"image", p.Image}, {"size", mebibytes(int64(p.ImageSize))}, {"runs", words(p.Args)}, {"port", fmt.Sprintf("%d, well when %s answers 200", p.Port, p.Health)},
		{"weights", strings.Join(p.Formats, ", ")}, {"needs", strings.Join(p.Needs, ", else ")}, {"min driver", p.MinDriver},
		{"limits", fmt.Sprintf("%d requests at once, %d s to load", p.AtOnce, p.Seconds)}, {"images", images},
	} {
		if line[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
		}
	}
	return t.Flush()
}

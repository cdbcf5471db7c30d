package main

import (
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rerig/rerig/node"
)

// cardFlags ask for cards.
type cardFlags struct {
	gpus uint8
	vram string
}

func (c *cardFlags) register(f *pflag.FlagSet, who string) {
	f.Uint8Var(&c.gpus, "gpus", 0, "whole `cards` that "+who+" needs")
	f.StringVar(&c.vram, "vram", "", "`memory` of each card, such as 6GiB (for one card unless --gpus says more)")
}

// read checks the flags: how many cards, of how many MiB.
func (c *cardFlags) read() (gpus uint8, vramMiB uint32, err error) {
	if c.vram == "" {
		return c.gpus, 0, nil
	}
	number, unit := strings.TrimRight(c.vram, "GgMmIiBb"), uint64(1)
	switch strings.ToLower(c.vram[len(number):]) {
	case "gib", "g":
		unit = 1024
	case "mib", "m", "":
	default:
		number = ""
	}
	n, err := strconv.ParseUint(number, 10, 20)
	if err != nil || n == 0 || n*unit > 1<<20 {
		return 0, 0, usage("--vram: 1MiB to 1024GiB, got %q", c.vram)
	}
	return max(c.gpus, 1), uint32(n * unit), nil
}

// cardRequest adds the cards to a run's request.
func (r *runFlags) cardRequest(req *node.RunRequest) error {
	gpus, vram, err := r.cards.read()
	if err != nil || gpus == 0 {
		return err
	}
	if r.image == "" {
		return usage("--gpus and --vram are of containers: give --image, or leave them out")
	}
	req.Resources.GPUs, req.Resources.VRAMMiB = gpus, vram
	return nil
}

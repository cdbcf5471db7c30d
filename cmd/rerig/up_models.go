package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/models"
	"github.com/rerig/rerig/protocol"
)

// usualTokenPrice is what a million units of tokens cost where the miner does not say.
const usualTokenPrice = "0.1"

// modelsToServe reads the --serve flags: NAME=FILE[,price=TOKENS][,tick=UNITS][,memory=MIB].
func modelsToServe(m money, list []string) (out []node.ServeConfig, err error) {
	if len(list) > protocol.MaxModels {
		return nil, usage("--serve: %d models, an offer has room for %d; leave some out", len(list), protocol.MaxModels)
	}
	seen := map[string]bool{}
	for _, text := range list {
		one, err := modelToServe(m, text)
		if err != nil {
			return nil, err
		}
		if seen[one.Name] {
			return nil, usage("--serve: two models are named %q; give each a name of its own", one.Name)
		}
		seen[one.Name] = true
		out = append(out, one)
	}
	return out, nil
}

func modelToServe(m money, text string) (one node.ServeConfig, err error) {
	parts := strings.Split(text, ",")
	name, path, ok := strings.Cut(parts[0], "=")
	if !ok || name == "" || path == "" {
		return one, usage("--serve: NAME=FILE.gguf, with ,price=%s and ,tick=256 behind it if you like, got %q", usualTokenPrice, text)
	}
	if len(name) > protocol.MaxModelName || strings.HasPrefix(name, "-") || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }) {
		return one, usage("--serve: a name of at most %d plain characters without spaces, got %q", protocol.MaxModelName, name)
	}
	price := usualTokenPrice
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "price":
			price = value
		case "tick":
			if one.Tick, err = strconv.ParseUint(value, 10, 64); err != nil || one.Tick == 0 || one.Tick > protocol.MaxTickUnits {
				return one, usage("--serve %s: tick is 1 to %d units, got %q", name, uint64(protocol.MaxTickUnits), value)
			}
		case "memory":
			mib, err := strconv.ParseUint(value, 10, 32)
			if err != nil || mib == 0 {
				return one, usage("--serve %s: memory is a number of MiB, got %q", name, value)
			}
			one.MemoryMiB = uint32(mib)
		case "context":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil || n == 0 || n > protocol.MaxContext {
				return one, usage("--serve %s: context is 1 to %d tokens, got %q", name, protocol.MaxContext, value)
			}
			one.Context = uint32(n)
		default:
			return one, usage("--serve %s: price=, tick=, memory= and context= are known, got %q", name, part)
		}
	}
	if one.PerMillion, err = protocol.ParseUnits(strings.TrimSuffix(price, "/M"), m.Decimals); err != nil || one.PerMillion.IsZero() {
		return one, usage("--serve %s: price is a number of %s for a million tokens, such as %s, got %q", name, m.Symbol, usualTokenPrice, price)
	}
	if one.Path, err = filepath.Abs(path); err != nil {
		return one, usage("--serve %s: %w", name, err)
	}
	one.Name = name
	return one, readable("--serve", one.Path)
}

// packConfig checks the flags of engine packs.
func (u *upFlags) packConfig(rig *node.RigConfig) error {
	for _, text := range u.trusted {
		who, err := protocol.ParseAddress(strings.ToLower(text))
		if err != nil {
			return usage("--pack-publisher: %w", err)
		}
		rig.Publishers = append(rig.Publishers, who)
	}
	if u.pack == "" {
		for _, m := range rig.Serve {
			if m.Context > 0 {
				return usage("--serve %s: context is for --engine-pack; the engine of Rerig's own takes the file's", m.Name)
			}
		}
		return nil
	}
	switch {
	case len(rig.Serve) == 0:
		return usage("--engine-pack is for --serve, which is missing")
	case len(rig.Publishers) == 0:
		return usage("--engine-pack: name who may have signed it with --pack-publisher; `rerig pack show` tells who did")
	}
	if rig.EnginePack = u.pack; protocol.CheckCID("pack", u.pack) == nil {
		return nil
	}
	path, err := filepath.Abs(u.pack)
	if err != nil {
		return usage("--engine-pack: %w", err)
	}
	rig.EnginePack = path
	return readable("--engine-pack", path)
}

// servedTable lists the models that rigs serve, a line each.
func servedTable(w io.Writer, m money, offers []node.MarketOffer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	some := false
	for i := range offers {
		for _, one := range offers[i].Models {
			if !some {
				fmt.Fprintln(t, "\nMODEL\tCONTEXT\tPRICE/M TOKENS "+strings.ToUpper(m.Symbol)+"\tRIG\tCID")
			}
			some = true
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\n", clipText(one.Name, protocol.MaxModelName), one.Context, one.PerMillion.Units(m.Decimals), offers[i].Rig, one.CID)
		}
	}
	return t.Flush()
}

// modelTable lists the models that this rig serves and how they do.
func modelTable(w io.Writer, list []models.Status) error {
	if len(list) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\nMODEL\tSTATE\tMEMORY\tCARD\tLOAD\tUNLOAD\tSWAP\tLOADS\tSWAPS\tCRASHES\tSESSIONS\tREQUESTS\tUNITS")
	for _, m := range list {
		fmt.Fprintf(t, "%s\t%s\t%d/%d MiB\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", m.Name, m.State, m.MemoryBytes>>20, m.LimitBytes>>20, cardOf(m),
			millis(m.LoadMillis), millis(m.UnloadMillis), millis(m.SwapMillis), m.Loads, m.Swaps, m.Crashes, m.Sessions, m.Requests, m.Units)
	}
	return t.Flush()
}

// cardOf is a model's card and what the model takes of it; "-" is none.
func cardOf(m models.Status) string {
	switch {
	case m.Card == "":
		return "-"
	case m.VRAMBytes == 0:
		return clipText(m.Card, 40)
	}
	return fmt.Sprintf("%s, %d MiB", clipText(m.Card, 40), m.VRAMBytes>>20)
}

// millis is a time that was measured; "-" is none.
func millis(n int64) string {
	if n == 0 {
		return "-"
	}
	return (time.Duration(n) * time.Millisecond).String()
}

package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// rocmName is AMD's tool.
const rocmName = "rocm-smi"

// maxROCm is what it may write.
const maxROCm = 1 << 20

// rocmTurns is how many readings of the others there are to one of rocm-smi's: it is a program
// of Python, and each time costs a fifth of a second of a processor.
const rocmTurns = 12

// followROCm asks rocm-smi for cards of AMD's whose driver shows nothing in sysfs, as in some
// containers.
func (t *Telemetry) followROCm(ctx context.Context) {
	tick := time.NewTicker(rocmTurns * t.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if silent := t.silentAMD(); len(silent) > 0 {
				t.readROCm(ctx, silent)
			}
		}
	}
}

// readROCm asks for cards.
func (t *Telemetry) readROCm(ctx context.Context, silent []string) {
	path := t.cfg.Tool(rocmName)
	if path == "" {
		return // sysfs comes with the driver; what it does not tell is in each card's Lost
	}
	out, err := runROCm(ctx, path, t.cfg.Silence)
	var all map[string]map[string]any
	if err == nil {
		if i := bytes.IndexByte(out, '{'); i > 0 {
			out = out[i:] // after warnings
		}
		err = json.NewDecoder(bytes.NewReader(out)).Decode(&all)
	}
	if err != nil {
		if ctx.Err() == nil {
			t.note(rocmName, "rocm-smi: "+clip(err.Error()))
		}
		return
	}
	t.note(rocmName, "")
	for _, values := range all {
		r := rocmReading(values)
		id := busID(rocmValue(values, "PCI Bus"))
		for _, want := range silent {
			if id == want {
				t.take(id, r)
			}
		}
	}
}

// silentAMD are the cards of AMD's that sysfs tells nothing of.
func (t *Telemetry) silentAMD() (silent []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, tr := range t.cards {
		if tr.Driver == "amdgpu" && tr.gone.IsZero() && (tr.rocm || tr.Reading.At.IsZero()) {
			tr.rocm = true
			silent = append(silent, id)
		}
	}
	return silent
}

func runROCm(ctx context.Context, path string, most time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--showbus", "--showtemp", "--showpower", "--showuse", "--showfan", "--showmeminfo", "vram", "--json")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.Dir = string(filepath.Separator)
	cmd.WaitDelay = toolGrace
	ownGroup(cmd)
	out := &capped{}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, errSilent
		}
		return nil, err
	}
	return out.buf.Bytes(), nil
}

// capped keeps what is written up to a limit and fails from there on.
type capped struct{ buf bytes.Buffer }

// Write is the io.Writer's.
func (c *capped) Write(p []byte) (int, error) {
	if c.buf.Len()+len(p) > maxROCm {
		return 0, errors.New("too much output")
	}
	return c.buf.Write(p)
}

// rocmValue is the value of the first of some keys, compared without case: they changed
// between versions.
func rocmValue(values map[string]any, keys ...string) string {
	for _, key := range keys {
		for k, v := range values {
			if s, ok := v.(string); ok && strings.EqualFold(k, key) {
				return strings.TrimSpace(s)
			}
		}
	}
	return ""
}

func rocmReading(values map[string]any) (r Reading) {
	degrees := func(keys ...string) *int {
		whole, _, _ := strings.Cut(rocmValue(values, keys...), ".")
		return celsius(whole)
	}
	r.TempC, r.JunctionC, r.MemoryC = degrees("Temperature (Sensor edge) (C)"), degrees("Temperature (Sensor junction) (C)"), degrees("Temperature (Sensor memory) (C)")
	r.PowerMW = milli(rocmValue(values, "Average Graphics Package Power (W)", "Current Socket Graphics Package Power (W)"))
	r.Load = within(rocmValue(values, "GPU use (%)"), 0, 100)
	r.FanPercent = within(rocmValue(values, "Fan speed (%)", "Fan Speed (%)"), 0, 150)
	r.UsedMiB = bytesMiB(rocmValue(values, "VRAM Total Used Memory (B)"))
	r.TotalMiB = bytesMiB(rocmValue(values, "VRAM Total Memory (B)"))
	return r
}

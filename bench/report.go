package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

// results are the figures by name: flat, so that runs can be compared.
type results map[string]float64

// round keeps four significant digits; the rest is noise.
func round(v float64) float64 {
	if v == 0 || v == math.Trunc(v) {
		return v
	}
	unit := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*unit) / unit
}

func (r results) print(w io.Writer) error {
	out := make(results, len(r))
	for name, v := range r {
		out[name] = round(v)
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("encode results: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

func (r results) write(path string) error {
	var b strings.Builder
	if err := r.print(&b); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// The part of docs/bench.md that is generated.
const (
	beginMark = "<!-- begin results: written by make bench -->\n"
	endMark   = "<!-- end results -->\n"
)

// document puts the tables between the marks of the document.
func (r results) document(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("document: %w", err)
	}
	head, rest, ok1 := strings.Cut(string(b), beginMark)
	_, tail, ok2 := strings.Cut(rest, endMark)
	if !ok1 || !ok2 {
		return fmt.Errorf("document: %s has lost the marks %q and %q", path, beginMark, endMark)
	}
	text := head + beginMark + "\n" + r.tables() + "\n" + endMark + tail
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("document: %w", err)
	}
	return nil
}

// peer is a figure of the nearest Go peer and the target set against it.
type peer struct {
	what, key   string
	low, high   float64 // as published: the best and the worst of its runs
	target      float64 // times better
	moreIsBest  bool
	unit        string
	targetValue float64 // instead of a ratio
}

var peers = []peer{
	{what: "empty module, submit to settled, p50", key: "dispatch_empty_p50_ms", low: 31, high: 45, target: 5, unit: "ms"},
	{what: "1.85 MB Go module, submit to settled, p50", key: "dispatch_go_p50_ms", low: 1000, high: 1520, target: 20, unit: "ms"},
	{what: "empty module, 8 in flight", key: "jobs_per_s_empty", low: 44, high: 60, target: 3, moreIsBest: true, unit: "jobs/s"},
	{what: "1.85 MB Go module, 8 in flight", key: "jobs_per_s_go", low: 1.5, high: 1.75, target: 20, moreIsBest: true, unit: "jobs/s"},
	{what: "idle node, resident memory", key: "idle_rss_mb", low: 54, high: 64, targetValue: 60, unit: "MB"},
}

func (r results) tables() string {
	var b strings.Builder
	b.WriteString("| | Rerig | nearest Go peer | times better | target |\n|---|--:|--:|--:|--:|\n")
	for _, p := range peers {
		v, ok := r[p.key]
		if !ok {
			continue
		}
		least, most := p.low/v, p.high/v
		if p.moreIsBest {
			least, most = v/p.high, v/p.low
		}
		target := fmt.Sprintf("%g×", p.target)
		if p.targetValue != 0 {
			target = fmt.Sprintf("under %g %s", p.targetValue, p.unit)
		}
		fmt.Fprintf(&b, "| %s | %g %s | %g–%g | %.3g–%.3g× | %s |\n", p.what, round(v), p.unit, p.low, p.high, least, most, target)
	}
	r.phases(&b)
	b.WriteString(r.economy())
	b.WriteString(r.governor())
	b.WriteString("\n| figure | value |\n|---|--:|\n")
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if !strings.HasPrefix(name, "phase_") {
			fmt.Fprintf(&b, "| `%s` | %v |\n", name, json.Number(fmt.Sprint(round(r[name]))))
		}
	}
	return b.String()
}

// phases lists where a job's time goes, as the requester's clock has it.
func (r results) phases(b *strings.Builder) {
	b.WriteString("\n| phase, p50 in ms | empty | Go |\n|---|--:|--:|\n")
	for _, phase := range []string{"submit", "discovery", "quote", "funding", "accept", "queue", "staging", "run", "verify", "settle", "client"} {
		fmt.Fprintf(b, "| %s | %.3f | %.3f |\n", phase, r["phase_empty_"+phase+"_p50_ms"], r["phase_go_"+phase+"_p50_ms"])
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// measured is a package's benchmarks, and the names that their figures have here.
type measured struct {
	pkg, bench, times string
	figures           map[string]string // "Benchmark/sub unit" to the key
}

// engines are the packages whose benchmarks make the figures of engines and of the gateway. Each
// benchmark runs what it compares in turn and reports medians.
var engines = []measured{
	{"./node/runner/wasm", "^BenchmarkStart$/^warm", "60x", map[string]string{
		"Start/warm ratio": "start_ratio_wasm_warm", "Start/warm ms": "start_wasm_warm_ms", "Start/warm bare-ms": "start_bare_wazero_warm_ms",
		"Start/warm-go ratio": "start_ratio_wasm_warm_go",
	}},
	{"./node/runner/wasm", "^BenchmarkStart$/^cold", "5x", map[string]string{
		"Start/cold-go ratio": "start_ratio_wasm_cold_go", "Start/cold-go ms": "start_wasm_cold_go_ms",
	}},
	{"./node/runner/gvisor", "^BenchmarkStart$", "20x", map[string]string{
		"Start ratio": "start_ratio_container", "Start ms": "start_container_ms", "Start bare-ms": "start_bare_gvisor_ms",
		"Start cpu-ratio": "start_cpu_ratio_container",
	}},
	{"./node/runner/gvisor", "^BenchmarkIdle$", "3x", map[string]string{"Idle MiB/sandbox": "idle_sandbox_mb"}},
	{"./node/runner/gvisor", "^BenchmarkLoops$", "5x", loops("container")},
	{"./node/runner/namespaces", "^BenchmarkStart$", "40x", map[string]string{
		"Start ms": "start_namespaces_ms", "Start native-ms": "start_native_ms",
	}},
	{"./node/runner/namespaces", "^BenchmarkLoops$", "5x", loops("namespaces")},
	{"./gateway", "^BenchmarkGateway$", "60x", map[string]string{
		"Gateway tokens-ratio": "gateway_tokens_ratio", "Gateway ttft-added-ms": "gateway_ttft_added_ms",
	}},
	{"./gateway", "^BenchmarkStreams$", "1x", map[string]string{
		"Streams streams": "gateway_streams_held", "Streams MiB": "gateway_streams_mb",
	}},
	{"./gateway", "^BenchmarkFailover$", "40x", map[string]string{"Failover failover-ms": "failover_ms"}},
	{"./gateway", "^BenchmarkBatch$", "1x", map[string]string{"Batch gain-2": "batch_scaling_2_rigs", "Batch gain-4": "batch_scaling_4_rigs"}},
	{"./engine/llamacpp", "^BenchmarkAgainstLlamaCpp$", "1x", formats()},
}

// loops are what conformance.Loops compares with the host, for jobs of one core and of two.
func loops(engine string) map[string]string {
	m := map[string]string{}
	for loop, key := range map[string]string{"integer": "cpu", "float": "matmul", "calls": "calls", "files": "files"} {
		m["Loops/"+loop+"_1 ratio"] = key + "_ratio_" + engine
		m["Loops/"+loop+"_2 ratio"] = key + "_ratio_" + engine + "_2_cores"
	}
	return m
}

// formats are those in which the embedded engine is compared with llama.cpp.
func formats() map[string]string {
	m := map[string]string{}
	for _, f := range strings.Fields("F32 F16 BF16 Q8_0 Q4_0 Q4_K_M Q5_K_M Q6_K") {
		m["AgainstLlamaCpp/"+f+" ratio"] = tokensRatio + "_" + strings.ToLower(f)
		m["AgainstLlamaCpp/"+f+" prompt-ratio"] = "prompt_ratio_llamacpp_" + strings.ToLower(f)
		m["AgainstLlamaCpp/"+f+" tokens/s"] = "tokens_per_s_" + strings.ToLower(f)
	}
	return m
}

// tokensRatio is the lowest of all formats' ratios.
const tokensRatio = "tokens_ratio_llamacpp"

// sandboxes runs the benchmarks of engines. What this machine cannot run is left out, with
// the reason that the benchmark gives.
func sandboxes(ctx context.Context, res results) error {
	for _, m := range engines {
		out, err := m.run(ctx)
		if err != nil {
			return err
		}
		if err := m.take(out, res); err != nil {
			return err
		}
	}
	for key, v := range res {
		lowest, ok := res[tokensRatio]
		if strings.HasPrefix(key, tokensRatio+"_") && (!ok || v < lowest) {
			res[tokensRatio] = v
		}
	}
	if mib, ok := res["idle_sandbox_mb"]; ok {
		res["idle_sandbox_mb"] = mib * (1 << 20) / 1e6
	}
	if native, ok := res["start_native_ms"]; ok {
		res["start_ratio_namespaces"] = res["start_namespaces_ms"] / native
	}
	return nil
}

func (m measured) run(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-v", "-run", "^$", "-bench", m.bench, "-benchtime", m.times, "-timeout", "5m", m.pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("benchmarks of %s: %w\n%s", m.pkg, err, out)
	}
	return out, nil
}

// metric is one figure of a benchmark's line.
var metric = regexp.MustCompile(`\t\s*([0-9.e+]+) (\S+)`)

// cores is what Go appends to a name where there is more than one.
var cores = regexp.MustCompile(`-[0-9]+$`)

// take reads what `go test -v -bench` printed.
func (m measured) take(out []byte, res results) error {
	var reason string
	taken := 0
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		line := lines.Text()
		if _, why, ok := strings.Cut(line, ": needs "); ok {
			reason = "needs " + why
		}
		name, ok := strings.CutPrefix(line, "Benchmark")
		name, rest, tabbed := strings.Cut(name, "\t")
		if !ok || !tabbed {
			continue
		}
		name = cores.ReplaceAllString(strings.TrimSpace(name), "")
		for _, found := range metric.FindAllStringSubmatch("\t"+rest, -1) {
			key, ok := m.figures[name+" "+found[2]]
			if !ok {
				continue
			}
			v, err := strconv.ParseFloat(found[1], 64)
			if err != nil {
				return fmt.Errorf("benchmarks of %s: %q: %w", m.pkg, line, err)
			}
			res[key] = v
			taken++
			fmt.Fprintf(os.Stderr, "engine %-28s %.4g\n", key, v)
		}
	}
	switch {
	case taken == 0 && reason != "":
		fmt.Fprintf(os.Stderr, "engine %s is left out: %s\n", m.pkg, reason)
	case taken < len(m.figures) && reason == "":
		return errors.Join(lines.Err(), fmt.Errorf("benchmarks of %s gave %d of %d figures:\n%s", m.pkg, taken, len(m.figures), out))
	}
	return lines.Err()
}

package main

import "testing"

// TestTake reads what the benchmarks print, and knows left out from lost.
func TestTake(t *testing.T) {
	m := measured{pkg: "p", figures: map[string]string{"Loops/files ratio": "files", "Start ratio": "start"}}
	res := results{}
	err := m.take([]byte("goos: linux\nBenchmarkStart\nBenchmarkStart-2   \t       3\t        88.52 bare-ms\t         1.020 ratio\n"+
		"BenchmarkLoops/files-16         \t       3\t        14.70 inside-ms\t         1.1e+01 ratio\nPASS\n"), res)
	if err != nil || len(res) != 2 || res["start"] != 1.02 || res["files"] != 11 {
		t.Errorf("got %v, %v", res, err)
	}
	skipped := "BenchmarkStart\n    bench_test.go:3: needs root: run the tests as root\n--- SKIP: BenchmarkStart\nPASS\n"
	if err := m.take([]byte(skipped), results{}); err != nil {
		t.Errorf("what a machine cannot run is an error: %v", err)
	}
	if err := m.take([]byte("BenchmarkStart-2 \t 3\t 1.020 ratio\nPASS\n"), results{}); err == nil {
		t.Error("a lost figure is no error")
	}
}

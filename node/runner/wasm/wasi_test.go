package wasm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// departures are the cases of testdata/wasi in which this engine does not do what the text of
// preview 1 says, each with the reason. One that passes is taken off the list.
var departures = map[string]string{
	"dangling_symlink":         noLinks,
	"path_link":                noLinks,
	"readlink":                 noLinks,
	"symlink_create":           noLinks,
	"fd_filestat_set":          noTimes,
	"path_filestat":            noTimes,
	"fd_fdstat_set_rights":     "wazero knows no rights, which WASI has given up since",
	"fd_prestat_dir_name-less": exactName,
	"fd_prestat_dir_name-more": exactName,
	"poll_oneoff_stdio":        "wazero's poll answers for the clock and for input alone; output is always ready",
	"sock_accept-not_sock":     noSockets,
	"sock_shutdown-not_sock":   noSockets,
}

const (
	noLinks   = "a result has files and directories, because links lead out of it"
	exactName = "wazero wants a buffer of the name's own length, which every libc gives it"
	noTimes   = "times are no part of a result: every rig shows the same"
	noSockets = "no descriptor is a socket, and wazero says that there is none rather than that it is a file"
)

// TestWASI runs a case for each function of preview 1, and those of the public test suite
// under their names there.
func TestWASI(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wasi.wasm")
	if err := build(path, "./testdata/wasi", "GOOS=wasip1", "GOARCH=wasm"); err != nil {
		t.Fatal(err)
	}
	r := newRunner(t)
	in := t.TempDir()
	if err := os.WriteFile(filepath.Join(in, "data"), []byte("input"), 0o600); err != nil {
		t.Fatal(err)
	}
	spec := module(path)
	spec.InDir = in
	spec.Env = []string{"A=1", "B="}
	spec.OutputFiles = 200
	spec.Args = []string{"wasi", "list"}
	_, list, _ := do(t, r, spec)
	names := strings.Fields(list)
	if len(names) < 50 {
		t.Fatalf("%d cases: %q", len(names), list)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			spec := spec
			spec.OutDir = t.TempDir()
			spec.Args = []string{"wasi", name, "a", "b c", "ä"}
			res, stdout, stderr := do(t, r, spec)
			why, departs := departures[name]
			switch passed := res.Failure == nil && res.ExitCode == 0; {
			case departs && passed:
				t.Errorf("it passes, and is listed as a departure: %s", why)
			case !departs && !passed:
				t.Errorf("exit code %d, %v: %s%s", res.ExitCode, res.Failure, stdout, stderr)
			case departs:
				t.Logf("departure: %s: %s", why, stdout)
			}
		})
	}
	for name := range departures {
		if !strings.Contains("\n"+list, "\n"+name+"\n") {
			t.Errorf("departure %s names no case", name)
		}
	}
}

// TestOtherToolchains runs programs that others built with C, Rust, Zig and TinyGo: those with
// which wazero, at the version of this module, tests its own WASI.
func TestOtherToolchains(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "imports/wasi_snapshot_preview1/testdata")
	if err != nil {
		t.Fatalf("find wazero's module: %v", err)
	}
	r := newRunner(t)
	in := t.TempDir()
	for _, name := range []string{"b", "a", "c"} {
		if err := os.WriteFile(filepath.Join(in, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Zig's program knows one directory, where it is. TinyGo's cannot read one twice
	// (its issue 3823).
	ls, twice := "ls /in: a b c", "ls /in repeat: a b c a b c"
	file, stat := "ls /in/a: ENOTDIR", "stat: false false false false"
	for toolchain, tests := range map[string][]string{
		"zig-cc": {ls, twice, file, stat}, "cargo-wasi": {ls, twice, file, stat}, "tinygo": {ls, file, stat},
		"zig": {"ls .: a b c", "ls . repeat: a b c a b c", "ls a: ENOTDIR", stat},
	} {
		t.Run(toolchain, func(t *testing.T) {
			spec := module(filepath.Join(dir, toolchain, "wasi.wasm"))
			spec.InDir = in
			for _, test := range tests {
				args, want, _ := strings.Cut(test, ": ")
				spec.Args = append([]string{"wasi"}, strings.Fields(args)...)
				res, stdout, stderr := do(t, r, spec)
				var got []string
				for line := range strings.Lines(stdout) {
					words := strings.Fields(line)
					if last := filepath.Base(words[len(words)-1]); last != "." && last != ".." {
						got = append(got, last)
					}
				}
				if res.Failure != nil || res.ExitCode != 0 || strings.Join(got, " ") != want {
					t.Errorf("%s: exit code %d, %v: %s%s", args, res.ExitCode, res.Failure, stdout, stderr)
				}
			}
		})
	}
}

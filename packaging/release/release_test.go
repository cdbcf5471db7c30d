package main

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"aead.dev/minisign"
)

const password = "of the test alone"

// pack makes a release of small programs in the place of the real ones.
func pack(t *testing.T, version, key string) *Release {
	t.Helper()
	built, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("RERIG_RELEASE_PASSWORD", password)
	r := &Release{Version: version, Time: time.Unix(1_790_000_000, 0).UTC(), Built: built, Source: filepath.Join("..", ".."),
		Out: filepath.Join(t.TempDir(), "release"), Key: key}
	if err := r.Pack(); err != nil {
		t.Fatal(err)
	}
	return r
}

// programs builds a small program in the place of rerig, once.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "rerig-release"); err != nil {
		return "", err
	}
	first := filepath.Join(dir, "rerig-linux-amd64")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", first, "./testdata/rerig")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w\n%s", err, out)
	}
	for _, name := range []string{"rerig-linux-arm64", "rerig-darwin-arm64", "rerig-windows-amd64.exe"} {
		err = errors.Join(err, os.Link(first, filepath.Join(dir, name)))
	}
	for name, text := range map[string]string{"man/rerig.1": ".TH RERIG 1\n", "completions/rerig.bash": "# bash\n", "completions/rerig.zsh": "# zsh\n", "completions/rerig.fish": "# fish\n"} {
		name = filepath.Join(dir, name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644))
	}
	return dir, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programs(); dir != "" {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}

// contents are the files of a release.
func contents(t *testing.T, r *Release) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(r.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(r.Out, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

// TestSameBytes: two releases of the same programs are equal, and the checksums are of them.
func TestSameBytes(t *testing.T) {
	one, two := pack(t, "v1.2.3", ""), pack(t, "v1.2.3", "")
	first, second := contents(t, one), contents(t, two)
	for name, b := range first {
		if second[name] != b {
			t.Errorf("%s differs between two runs", name)
		}
	}
	for _, want := range []string{"rerig-1.2.3-linux-amd64.tar.gz", "rerig-1.2.3-linux-arm64.tar.gz", "rerig-1.2.3-darwin-arm64.tar.gz",
		"rerig-1.2.3-windows-amd64.zip", "rerig_1.2.3_amd64.deb", "rerig_1.2.3_arm64.deb", "rerig-1.2.3.tar.gz", "rerig-1.2.3.cdx.json", "SHA256SUMS"} {
		if first[want] == "" {
			t.Errorf("no %s among %d packages", want, len(first))
		}
	}
	check := exec.Command("sha256sum", "--strict", "-c", "SHA256SUMS")
	check.Dir = one.Out
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
	var bill struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(first["rerig-1.2.3.cdx.json"]), &bill); err != nil {
		t.Fatal(err)
	}
	if len(bill.Components) < 2 || !strings.Contains(first["rerig-1.2.3.cdx.json"], `"aead.dev/minisign"`) {
		t.Errorf("the list of modules has %+v", bill.Components)
	}
}

// TestArchives: each unpacks to a program that starts.
func TestArchives(t *testing.T) {
	r := pack(t, "83a5cc1-dirty", "")
	dir := t.TempDir()
	for name, program := range map[string]string{
		"rerig-0.0.0-git.83a5cc1-dirty-linux-amd64.tar.gz": "rerig-0.0.0-git.83a5cc1-dirty-linux-amd64/rerig",
		"rerig-0.0.0_git.83a5cc1_dirty.tar.gz":             "rerig/rerig",
	} {
		if out, err := exec.Command("tar", "-xzf", filepath.Join(r.Out, name), "-C", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		starts(t, filepath.Join(dir, program))
	}
	for name, mode := range map[string]fs.FileMode{"h-manifest.conf": 0o644, "h-config.sh": 0o755, "h-run.sh": 0o755, "h-stats.sh": 0o755} {
		if info, err := os.Stat(filepath.Join(dir, "rerig", name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	z, err := zip.OpenReader(filepath.Join(r.Out, "rerig-0.0.0-git.83a5cc1-dirty-windows-amd64.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if !slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.HasSuffix(f.Name, "/rerig.exe") && f.UncompressedSize64 > 1<<20 }) {
		t.Error("no rerig.exe in the zip")
	}
}

// starts holds that the program runs.
func starts(t *testing.T, program string) {
	t.Helper()
	if out, err := exec.Command(program).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("rerig of the test")) {
		t.Errorf("%s: %v\n%s", program, err, out)
	}
}

// TestDeb: dpkg reads the package, its versions are in order, and it unpacks to what is promised.
func TestDeb(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("needs dpkg-deb: run it on Debian or Ubuntu")
	}
	dir, r := t.TempDir(), pack(t, "v1.2.3", "")
	deb := filepath.Join(r.Out, "rerig_1.2.3_amd64.deb")
	for _, args := range [][]string{{"dpkg-deb", "--info", deb}, {"dpkg-deb", "--extract", deb, dir}, {"dpkg-deb", "--control", deb, filepath.Join(dir, "control")},
		{"dpkg", "--compare-versions", "0.0.0~git.83a5cc1-dirty", "lt", "1.2.3"}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	starts(t, filepath.Join(dir, "usr", "bin", "rerig"))
	for _, name := range []string{"usr/lib/systemd/system/rerig.service", "usr/lib/sysusers.d/rerig.conf", "etc/rerig/config.toml", "usr/share/doc/rerig/copyright",
		"usr/share/doc/rerig/prometheus/rules.yml", "usr/share/doc/rerig/grafana/rerig.json",
		"usr/share/man/man1/rerig.1", "usr/share/bash-completion/completions/rerig", "usr/share/zsh/vendor-completions/_rerig", "usr/share/fish/vendor_completions.d/rerig.fish",
		"control/postinst", "control/prerm", "control/postrm"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "control", "conffiles")); err != nil || strings.TrimSpace(string(b)) != "/etc/rerig/config.toml" {
		t.Errorf("what an upgrade keeps is %q, %v", b, err)
	}
}

// TestSigned: minisign's public key, and no other, answers for the checksums.
func TestSigned(t *testing.T) {
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := minisign.EncryptKey(password, private)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	all := contents(t, pack(t, "v1.2.3", key))
	sums, signature := []byte(all["SHA256SUMS"]), []byte(all["SHA256SUMS.minisig"])
	if !minisign.Verify(public, sums, signature) {
		t.Error("the signature is not the key's")
	}
	if minisign.Verify(other, sums, signature) || minisign.Verify(public, append(sums, '\n'), signature) {
		t.Error("another key, or other checksums, pass")
	}
	if strings.Contains(string(sums), "minisig") {
		t.Error("the signature is among what it signs")
	}
}

// TestUnit: systemd takes the unit as it is meant, but for where the program is.
func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("needs systemd-analyze: install systemd")
	}
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	unit, err := os.ReadFile(filepath.Join("..", "systemd", "rerig.service"))
	if err != nil {
		t.Fatal(err)
	}
	unit = bytes.Replace(unit, []byte("/usr/bin/rerig"), []byte(filepath.Join(dir, "rerig-linux-amd64")), 1)
	file := filepath.Join(t.TempDir(), "rerig.service")
	if err := os.WriteFile(file, unit, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

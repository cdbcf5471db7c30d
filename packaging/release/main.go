// Command release puts what `make cross` built into the packages that users install: a
// tarball for Linux and macOS, a zip for Windows, a .deb, a HiveOS custom miner, a list of
// every module inside (SBOM) and the checksums of all of it, signed where a key is given.
// The same inputs give the same bytes. Run it by `make release`.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Release is what is packed, and where to.
type Release struct {
	Version string    // as the binary says it
	Time    time.Time // in every archive, so that two builds of a commit are equal
	Built   string    // directory of the binaries, rerig-OS-ARCH
	Source  string    // root of the repository: licence, documents, scripts
	Out     string    // directory to write to; must not hold another release
	Key     string    // file of the minisign key that signs the checksums, "" for none
}

func main() {
	var r Release
	var epoch int64
	flag.StringVar(&r.Version, "version", "", "`version` of the binaries")
	flag.Int64Var(&epoch, "epoch", 0, "`seconds` since 1970 in every archive: the commit's time")
	flag.StringVar(&r.Built, "built", "build", "`directory` of the binaries")
	flag.StringVar(&r.Source, "source", ".", "`directory` of the repository")
	flag.StringVar(&r.Out, "out", "build/release", "`directory` to write to")
	flag.StringVar(&r.Key, "key", os.Getenv("RERIG_RELEASE_KEY"), "minisign key `file` to sign with; its password is in RERIG_RELEASE_PASSWORD")
	flag.Parse()
	r.Time = time.Unix(epoch, 0).UTC()
	if err := r.Pack(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// numbered is a version that package managers can order.
var numbered = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+([-+.].*)?$`)

// number is the version as package managers read it. A commit without a tag comes before
// every release.
func (r *Release) number() string {
	if v := strings.TrimPrefix(r.Version, "v"); numbered.MatchString(v) {
		return v
	}
	return "0.0.0-git." + r.Version
}

// Pack writes every package.
func (r *Release) Pack() error {
	if r.Version == "" || r.Time.Unix() <= 0 {
		return fmt.Errorf("--version and --epoch are needed, got %q and %d", r.Version, r.Time.Unix())
	}
	if err := os.RemoveAll(r.Out); err != nil {
		return fmt.Errorf("clear %s: %w", r.Out, err)
	}
	if err := os.MkdirAll(r.Out, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", r.Out, err)
	}
	for _, step := range []func() error{r.archives, r.debs, r.hive, r.bill, r.sums} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// out is the path of a package.
func (r *Release) out(format string, args ...any) string {
	return filepath.Join(r.Out, fmt.Sprintf(format, args...))
}

// binary is the path of a built program.
func (r *Release) binary(system, arch string) string {
	name := "rerig-" + system + "-" + arch
	if system == "windows" {
		name += ".exe"
	}
	return filepath.Join(r.Built, name)
}

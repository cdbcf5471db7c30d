// Package update finds a signed release of this program, checks it, and puts it in the place
// of the one that runs. A release is a directory of files behind a URL, as `make release`
// makes it: SHA256SUMS, its minisign signature, and an archive for each system.
package update

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"aead.dev/minisign"
	"golang.org/x/mod/semver"

	"github.com/rerig/rerig/transfer"
)

const (
	maxSums    = 64 << 10  // bytes of SHA256SUMS and of its signature
	maxArchive = 256 << 20 // bytes of an archive
	maxProgram = 512 << 20 // bytes of the program in it
	keepBytes  = 2 * maxArchive
)

// Source is where releases come from, and whose they must be.
type Source struct {
	// URL is of the directory; https, http or s3. The signature holds whoever the server is.
	URL string
	// Key is what the releases are signed with (https://jedisct1.github.io/minisign).
	Key minisign.PublicKey
	// Dir keeps what is fetched, so that a broken download goes on.
	Dir string
	// Told is called with the bytes that are there and those of all; it may be nil.
	Told func(done, all int64)
}

// Release is one that its signer answers for.
type Release struct {
	Version string // semantic, without a "v"
	archive string // for this system
	sum     string // SHA-256 of the archive, in hex
}

// ParseKey reads a minisign public key: its one line of base64.
func ParseKey(text string) (key minisign.PublicKey, err error) {
	if err := key.UnmarshalText([]byte(text)); err != nil {
		return key, fmt.Errorf("a minisign public key (the line that begins with RW), got %q", text)
	}
	return key, nil
}

// Newer tells whether version a comes after b. What has no semantic version, such as a build
// without a tag, comes before all that have.
func Newer(a, b string) bool { return semver.Compare(canonical(a), canonical(b)) > 0 }

func canonical(v string) string { return "v" + strings.TrimPrefix(v, "v") }

// Latest asks for the release that is there now.
func (s *Source) Latest(ctx context.Context) (r Release, err error) {
	sums, err := s.get(ctx, "SHA256SUMS")
	if err != nil {
		return r, err
	}
	text, err := s.get(ctx, "SHA256SUMS.minisig")
	if err != nil {
		return r, err
	}
	if !minisign.Verify(s.Key, sums, text) {
		return r, fmt.Errorf("the signature of %s is not key %X's: it was changed, or signed by somebody else; nothing was installed", s.URL, s.Key.ID())
	}
	var signature minisign.Signature
	if err := signature.UnmarshalText(text); err != nil {
		return r, fmt.Errorf("read the signature of %s: %w", s.URL, err)
	}
	version, ok := strings.CutPrefix(signature.TrustedComment, "version ")
	if !ok || !semver.IsValid(canonical(version)) {
		return r, fmt.Errorf("the signature of %s names no version, but %q", s.URL, signature.TrustedComment)
	}
	r = Release{Version: version, archive: archiveOf(version)}
	if r.sum, err = sumIn(sums, r.archive); err != nil {
		return r, fmt.Errorf("release %s: %w", version, err)
	}
	return r, nil
}

// archiveOf is the name of this system's archive.
func archiveOf(version string) string {
	suffix := ".tar.gz"
	if runtime.GOOS == "windows" {
		suffix = ".zip"
	}
	return fmt.Sprintf("rerig-%s-%s-%s%s", version, runtime.GOOS, runtime.GOARCH, suffix)
}

// sumLine is one of SHA256SUMS.
var sumLine = regexp.MustCompile(`^([0-9a-f]{64})  (\S+)$`)

func sumIn(sums []byte, name string) (string, error) {
	for lines := bufio.NewScanner(bytes.NewReader(sums)); lines.Scan(); {
		if m := sumLine.FindStringSubmatch(lines.Text()); m != nil && m[2] == name {
			return m[1], nil
		}
	}
	return "", fmt.Errorf("it has no %s", name)
}

// get brings a small file of the release.
func (s *Source) get(ctx context.Context, name string) (b []byte, err error) {
	c := &transfer.Cache{Dir: s.Dir, MaxBytes: keepBytes, MaxFile: maxSums}
	file, _, err := c.Get(ctx, s.at(name))
	if err == nil {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("look for a release: %w", err)
	}
	return b, nil
}

func (s *Source) at(name string) string { return strings.TrimSuffix(s.URL, "/") + "/" + name }

// Fetch brings a release's program, whose checksum the signer answers for, into dir, which
// should be that of the program it is to replace: a rename must not leave its disk. It
// returns the file's path; whoever does not install it removes it.
func (s *Source) Fetch(ctx context.Context, r Release, dir string) (program string, err error) {
	c := &transfer.Cache{Dir: s.Dir, MaxBytes: keepBytes, MaxFile: maxArchive, Told: s.Told}
	archive, _, err := c.Get(ctx, s.at(r.archive))
	if err != nil {
		return "", fmt.Errorf("fetch release %s: %w", r.Version, err)
	}
	f, err := os.CreateTemp(dir, ".rerig-new-*")
	if err != nil {
		return "", fmt.Errorf("install release %s: %w; a program of a package is updated by its package manager", r.Version, err)
	}
	if err := errors.Join(unpack(archive, r.sum, f), f.Chmod(0o755), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("unpack release %s: %w", r.Version, err), os.Remove(f.Name()))
	}
	return filepath.Clean(f.Name()), nil
}

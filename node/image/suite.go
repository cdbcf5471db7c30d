package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var suitePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// debianKeys is where Debian's own package puts the keys that its suites are signed with.
const debianKeys = "/usr/share/keyrings/debian-archive-keyring.gpg"

// from has apt take its packages from another suite of the Debian archive that the machine's
// own sources name, and from nowhere else. Its lists are fetched anew, and apt checks their
// signature: against Debian's keys where the machine has them, or all that it trusts.
func (a *apt) from(ctx context.Context, suite string) error {
	if !suitePattern.MatchString(suite) {
		return errors.New("want a name such as trixie or sid")
	}
	archive, err := archiveOf(ctx, a.options)
	if err != nil {
		return err
	}
	source := fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n", archive, suite)
	if _, err := os.Stat(debianKeys); err == nil {
		source += "Signed-By: " + debianKeys + "\n"
	}
	file, lists := filepath.Join(a.dir, "suite.sources"), filepath.Join(a.dir, "lists")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(lists, "partial"), 0o755); err != nil {
		return err
	}
	a.options = append(a.options, "-o", "Dir::Etc::sourcelist="+file, "-o", "Dir::Etc::sourceparts=-", "-o", "Dir::State::lists="+lists,
		"-o", "Acquire::Languages=none", "-o", "APT::Update::Error-Mode=any", "-o", "APT::Default-Release=")
	return aptGet(ctx, io.Discard, append([]string{"update"}, a.options...))
}

// archiveOf finds Debian's archive among the machine's sources.
func archiveOf(ctx context.Context, options []string) (uri string, err error) {
	var out strings.Builder
	args := append([]string{"indextargets", "--format", "$(REPO_URI)|$(LABEL)|$(COMPONENT)|", "Identifier: Packages"}, options...)
	if err := aptGet(ctx, &out, args); err != nil {
		return "", err
	}
	for line := range strings.Lines(out.String()) {
		if f := strings.Split(strings.TrimSpace(line), "|"); len(f) == 4 && f[1] == "Debian" && f[2] == "main" {
			return f[0], nil
		}
	}
	return "", errors.New("this machine's sources have no Debian archive with the component main; build such images on Debian")
}

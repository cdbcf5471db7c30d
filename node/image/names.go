package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	namesFile = "names.json"
	maxNames  = 10_000 // images in a library
)

var (
	namePattern = regexp.MustCompile(`^[a-z0-9]+([._:/-]+[a-z0-9]+)*$`)
	tagPattern  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

// fullName adds the tag "latest" to a name without one and refuses what is no name.
func fullName(text string) (string, error) {
	name, tag := text, "latest"
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, '/') {
		name, tag = text[:i], text[i+1:]
	}
	if len(name) > maxName || !namePattern.MatchString(name) || !tagPattern.MatchString(tag) {
		return "", fmt.Errorf("image name %q: want NAME or NAME:TAG in lower-case letters, digits and . _ - /", text)
	}
	return name + ":" + tag, nil
}

// names reads which digest each name has.
func (l *Library) names() (map[string]string, error) {
	names := map[string]string{}
	b, err := readSmall(os.DirFS(l.dir), namesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &names)
	}
	if err != nil {
		return nil, fmt.Errorf("images in %s: %s: %w; move it away and load them again", l.dir, namesFile, err)
	}
	for name, hex := range names {
		if _, ok := hexOf("sha256:" + hex); !ok {
			return nil, fmt.Errorf("images in %s: %s: %q has no digest; move the file away and load the images again", l.dir, namesFile, name)
		}
	}
	return names, nil
}

// saveNames replaces the names; they are on the medium when it returns.
func (l *Library) saveNames(names map[string]string) error {
	if len(names) > maxNames {
		return &LimitError{"images", maxNames, int64(len(names))}
	}
	b, err := json.MarshalIndent(names, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(l.dir, namesFile+".new")
	if err := writeSynced(tmp, append(b, '\n')); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(l.dir, namesFile)); err != nil {
		return err
	}
	return syncDir(l.dir)
}

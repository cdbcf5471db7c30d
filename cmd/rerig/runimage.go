package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// imageLayout finds the OCI layout of an image: a directory that holds one, or the name
// of an image in the user's library.
func (a *app) imageLayout(name string) (string, error) {
	if _, err := os.Stat(filepath.Join(name, "oci-layout")); err == nil {
		dir, err := filepath.Abs(name) // the node has another working directory
		if err != nil {
			return "", fmt.Errorf("--image: %w", err)
		}
		return dir, nil
	}
	img, err := a.library().Find(name)
	if err != nil {
		return "", usage("--image: %w, and no directory with an OCI layout is called so", err)
	}
	return filepath.Abs(img.Dir)
}

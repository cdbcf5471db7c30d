package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// imageLayout finds the OCI layout of an image on disk.
func imageLayout(name string) (string, error) {
	if _, err := os.Stat(filepath.Join(name, "oci-layout")); err != nil {
		return "", usage("--image: %s holds no OCI image layout", name)
	}
	dir, err := filepath.Abs(name) // the node has another working directory
	if err != nil {
		return "", fmt.Errorf("--image: %w", err)
	}
	return dir, nil
}

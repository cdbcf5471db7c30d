package main

import "github.com/rerig/rerig/node/image"

// imageLayout finds the OCI layout of an image: by its name in the user's library, or by
// a path to a layout. The path is absolute: the node has another working directory.
func imageLayout(name string) (string, error) {
	dir, err := image.ResolveLocal(imageLibrary(), name)
	if err != nil {
		return "", usage("--image: %w", err)
	}
	return dir, nil
}

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"aead.dev/minisign"
)

// sums writes SHA256SUMS, which `sha256sum -c` reads, and its signature, which minisign and
// `rerig update` check.
func (r *Release) sums() error {
	entries, err := os.ReadDir(r.Out)
	if err != nil {
		return fmt.Errorf("list the packages: %w", err)
	}
	var text strings.Builder
	for _, e := range entries { // sorted by name
		sum, err := sumOf(filepath.Join(r.Out, e.Name()))
		if err != nil {
			return fmt.Errorf("sum of %s: %w", e.Name(), err)
		}
		fmt.Fprintf(&text, "%x  %s\n", sum, e.Name())
	}
	if err := os.WriteFile(r.out("SHA256SUMS"), []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("write the checksums: %w", err)
	}
	if r.Key == "" {
		return nil
	}
	key, err := minisign.PrivateKeyFromFile(os.Getenv("RERIG_RELEASE_PASSWORD"), r.Key)
	if err != nil {
		return fmt.Errorf("read the signing key: %w", err)
	}
	// The trusted comment is signed too: an old release cannot pass for a new one.
	signature := minisign.SignWithComments(key, []byte(text.String()), "version "+r.number(), "rerig "+r.number())
	if err := os.WriteFile(r.out("SHA256SUMS.minisig"), signature, 0o644); err != nil {
		return fmt.Errorf("write the signature: %w", err)
	}
	return nil
}

func sumOf(name string) (sum []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}

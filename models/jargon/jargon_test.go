package jargon

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestFile holds the model to the README's hash: answers recorded anywhere are of this file.
func TestFile(t *testing.T) {
	sum := sha256.Sum256(GGUF())
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if hash := hex.EncodeToString(sum[:]); !strings.Contains(string(readme), hash) {
		t.Fatalf("the unpacked model has the SHA-256 %s, which README.md does not name", hash)
	}
}

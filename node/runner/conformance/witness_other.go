//go:build !linux

package conformance

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// witness looks at the host while hostile jobs run: here at a file and at what jobs say.
type witness struct {
	aims     aims
	base, in string
	secret   []byte
}

func newWitness(t testing.TB, _ *suite, _ bool) *witness {
	t.Helper()
	w := &witness{base: t.TempDir(), secret: []byte("secret-" + rand.Text())}
	w.in = filepath.Join(w.base, "in")
	w.aims = aims{Secret: filepath.Join(w.base, "secret"), Token: rand.Text(), Port: 9, Address: "127.0.0.1"}
	if err := errors.Join(os.Mkdir(w.in, 0o755), os.WriteFile(w.aims.Secret, w.secret, 0o600)); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *witness) out(t testing.TB) string { return t.TempDir() }

func (w *witness) look(said, _ string) error {
	b, err := os.ReadFile(w.aims.Secret)
	if err != nil || !bytes.Equal(b, w.secret) {
		return fmt.Errorf("the secret is %q, %w", b, err)
	}
	if strings.Contains(said, string(w.secret)) || strings.Contains(said, "BREACH") {
		return fmt.Errorf("the job says %s", brief(said))
	}
	return nil
}

func heldDescriptors(*suite, *witness, testing.TB) error { return nil }

func coreLimits(*suite, *witness, testing.TB) error { return nil }

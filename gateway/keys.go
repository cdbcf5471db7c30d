package gateway

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/time/rate"

	"github.com/rerig/rerig/protocol"
)

// The limits of a file of keys.
const (
	maxKeys     = 1024
	maxKeyName  = 64 // bytes
	maxKeyLine  = 1024
	maxPerMin   = 1_000_000
	secretBytes = 32
	keyPrefix   = "sk-rerig-"
)

// Key is what one bearer may do. The secret itself is not kept.
type Key struct {
	Name      string
	Hash      [sha256.Size]byte // of the secret
	Budget    protocol.Amount   // base units, over all time; zero is no limit of its own
	PerMinute int               // requests; 0 is any number

	limit *rate.Limiter // nil where PerMinute is 0
}

// NewSecret draws a key and returns what its bearer sends and what is kept of it. 256 random
// bits need no slow hash.
func NewSecret() (secret string, hash [sha256.Size]byte) {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails
	secret = keyPrefix + hex.EncodeToString(b)
	return secret, sha256.Sum256([]byte(secret))
}

// Line is the key as the file has it; amount writes the budget in whole tokens.
func (k *Key) Line(amount func(protocol.Amount) string) string {
	line := k.Name + " " + hex.EncodeToString(k.Hash[:])
	if !k.Budget.IsZero() {
		line += " budget=" + amount(k.Budget)
	}
	if k.PerMinute > 0 {
		line += " rpm=" + strconv.Itoa(k.PerMinute)
	}
	return line
}

// LoadKeys reads a file of keys: a line each, NAME SHA256 [budget=TOKENS] [rpm=REQUESTS], and
// comments behind #. A file that others can read or write is refused. parse reads an amount
// of whole tokens.
func LoadKeys(path string, parse func(string) (protocol.Amount, error)) ([]*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keys: %w; `rerig serve key add NAME` makes the file", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("keys: %s can be used by others (mode %04o); chmod 600 it", path, info.Mode().Perm())
	}
	var keys []*Key
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxKeyLine)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		k, err := parseKey(text, parse)
		if err != nil {
			return nil, fmt.Errorf("keys: %s:%d: %w", path, n, err)
		}
		for _, other := range keys {
			if other.Name == k.Name || other.Hash == k.Hash {
				return nil, fmt.Errorf("keys: %s:%d: there is a key named %s, or with its hash, above", path, n, k.Name)
			}
		}
		if keys = append(keys, k); len(keys) > maxKeys {
			return nil, fmt.Errorf("keys: %s has more than %d keys", path, maxKeys)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("keys: %s: %w", path, err)
	}
	return keys, nil
}

func parseKey(text string, parse func(string) (protocol.Amount, error)) (k *Key, err error) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return nil, errors.New("want NAME SHA256 [budget=TOKENS] [rpm=REQUESTS]")
	}
	k = &Key{Name: words[0]}
	if len(k.Name) > maxKeyName {
		return nil, fmt.Errorf("a name of %d bytes, at most %d", len(k.Name), maxKeyName)
	}
	hash, err := hex.DecodeString(words[1])
	if err != nil || len(hash) != len(k.Hash) {
		return nil, errors.New("the second word must be the 64 hex digits of the key's SHA-256")
	}
	copy(k.Hash[:], hash)
	for _, w := range words[2:] {
		switch name, value, _ := strings.Cut(w, "="); name {
		case "budget":
			if k.Budget, err = parse(value); err != nil || k.Budget.IsZero() {
				return nil, fmt.Errorf("budget=%s: a number of tokens above 0", value)
			}
		case "rpm":
			if k.PerMinute, err = strconv.Atoi(value); err != nil || k.PerMinute < 1 || k.PerMinute > maxPerMin {
				return nil, fmt.Errorf("rpm=%s: 1 to %d requests a minute", value, maxPerMin)
			}
			k.limit = rate.NewLimiter(rate.Limit(float64(k.PerMinute)/60), k.PerMinute)
		default:
			return nil, fmt.Errorf("unknown word %q", w)
		}
	}
	return k, nil
}

// bearer finds the key of a secret, nil if there is none, in a time that does not depend on
// which it is.
func bearer(keys []*Key, secret string) (found *Key) {
	hash := sha256.Sum256([]byte(secret))
	for _, k := range keys {
		if subtle.ConstantTimeCompare(hash[:], k.Hash[:]) == 1 {
			found = k
		}
	}
	return found
}

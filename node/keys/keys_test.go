package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mr-tron/base58"
	"github.com/tyler-smith/go-bip39"

	"github.com/rerig/rerig/protocol"
)

func vectors[T any](t *testing.T, name string) (v T) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestPhraseVectors holds phrases to the vectors of BIP-39.
func TestPhraseVectors(t *testing.T) {
	list := vectors[[]struct{ Entropy, Phrase, Seed string }](t, "bip39.json")
	if len(list) < 24 {
		t.Fatalf("%d vectors", len(list))
	}
	for _, v := range list {
		got, err := ParsePhrase("  " + strings.ToUpper(strings.ReplaceAll(v.Phrase, " ", " \n")))
		if err != nil || got != v.Phrase {
			t.Errorf("phrase of %s: %v", v.Entropy, err)
		}
		entropy, err := bip39.EntropyFromMnemonic(got)
		if err != nil || hex.EncodeToString(entropy) != v.Entropy {
			t.Errorf("entropy %x, want %s: %v", entropy, v.Entropy, err)
		}
		if seed := hex.EncodeToString(bip39.NewSeed(got, "TREZOR")); seed != v.Seed {
			t.Errorf("seed %s, want %s", seed, v.Seed)
		}
	}
}

// TestDerivationVectors holds keys to the vectors of BIP-32, among them those of
// keys with leading zeros.
func TestDerivationVectors(t *testing.T) {
	type vector struct {
		Seed string
		Keys []struct{ Path, Xprv string }
	}
	for _, v := range vectors[[]vector](t, "bip32.json") {
		seed, err := hex.DecodeString(v.Seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range v.Keys {
			key, err := derive(seed, parsePath(t, k.Path))
			if err != nil {
				t.Fatal(err)
			}
			if want := scalarOf(t, k.Xprv); !bytes.Equal(key.Bytes(), want) {
				t.Errorf("%s of %s… is another key", k.Path, v.Seed[:8])
			}
		}
	}
	if got := parsePath(t, Path); len(got) != len(keyPath) || got[0] != keyPath[0] || got[1] != keyPath[1] || got[2] != keyPath[2] {
		t.Errorf("Path is %v, keyPath %v", got, keyPath)
	}
}

func parsePath(t *testing.T, path string) (list []uint32) {
	t.Helper()
	for _, part := range strings.Split(path, "/")[1:] {
		n, err := strconv.ParseUint(strings.TrimSuffix(part, "'"), 10, 31)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(part, "'") {
			n += hardened
		}
		list = append(list, uint32(n))
	}
	return list
}

// scalarOf reads the key out of an extended key: Base58Check of a version, depth,
// fingerprint, index and chain code (45 bytes), a zero and the key.
func scalarOf(t *testing.T, xprv string) []byte {
	t.Helper()
	b, err := base58.Decode(xprv)
	if err != nil || len(b) != 82 {
		t.Fatalf("%s: %v", xprv, err)
	}
	once := sha256.Sum256(b[:78])
	if twice := sha256.Sum256(once[:]); !bytes.Equal(twice[:4], b[78:]) {
		t.Fatalf("%s: wrong checksum", xprv)
	}
	return b[46:78]
}

// TestPhraseGivesTheAddressOfOtherWallets uses the phrase that development chains
// are known by.
func TestPhraseGivesTheAddressOfOtherWallets(t *testing.T) {
	key, err := FromPhrase("test test test test test test test test test test test junk")
	if err != nil || key.Address().String() != "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" {
		t.Fatalf("got %v, %v", key, err)
	}
}

func TestNewPhraseIsGood(t *testing.T) {
	a, err := NewPhrase()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParsePhrase(a); err != nil || got != a || len(strings.Fields(a)) != 24 {
		t.Fatalf("%d words: %v", len(strings.Fields(a)), err)
	}
	if b, err := NewPhrase(); err != nil || a == b {
		t.Fatalf("two phrases are equal: %v", err)
	}
}

// TestWrongPhraseIsNamedAndNotTold: errors say where, and never what.
func TestWrongPhraseIsNamedAndNotTold(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "phrase: 12, 15, 18, 21 or 24 words, got 0",
		strings.Repeat("zoo ", 13):             "phrase: 12, 15, 18, 21 or 24 words, got 13",
		strings.Repeat("zoo ", 12):             "checksum is wrong",
		strings.Repeat("zoo ", 2000):           "phrase: at most 512 bytes",
		"secret0" + strings.Repeat(" zoo", 11): "word 1 is not in the English list",
	} {
		_, err := ParsePhrase(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret0") || strings.Contains(err.Error(), "zoo") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestForeignKeystores opens the keystores of the Web3 secret storage definition.
func TestForeignKeystores(t *testing.T) {
	type vector struct {
		JSON           json.RawMessage
		Password, Priv string
	}
	for name, v := range vectors[map[string]vector](t, "keystore.json") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := OpenKeystore(v.JSON, v.Password)
			if err != nil || !strings.HasSuffix(hex.EncodeToString(key.Bytes()), v.Priv) {
				t.Fatalf("another key, or none: %v", err)
			}
			if len(v.Priv) == 64 { // its work is that of real keystores: seconds with the race detector
				return
			}
			if _, err := OpenKeystore(v.JSON, v.Password+" "); !errors.Is(err, ErrPassphrase) {
				t.Fatalf("with another passphrase: %v", err)
			}
		})
	}
}

// TestHostileKeystores: a file is refused before it costs memory or time.
func TestHostileKeystores(t *testing.T) {
	good, err := SealPhrase("test test test test test test test test test test test junk", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, with, want string }{
		{`"n":4096`, `"n":1073741824`, "scrypt that fills at most 1 GiB"},
		{`"n":4096,"p":6,"r":8`, `"n":2,"p":16,"r":4194304`, "scrypt that fills at most 1 GiB"},
		{`"n":4096,"p":6,"r":8`, `"n":1048576,"p":16,"r":8`, "scrypt that fills at most 1 GiB"},
		{`"n":4096`, `"n":"x"`, "kdfparams.n"},
		{`"n":4096`, `"n":-1`, "kdfparams.n"},
		{`"p":6`, `"p":1000000`, "scrypt that fills at most 1 GiB"},
		{`"p":6`, `"p":0.5`, "kdfparams.p"},
		{`"dklen":32`, `"dklen":3`, "kdfparams.dklen: 32"},
		{`"salt":`, `"sugar":`, "kdfparams.salt"},
		{`"kdf":"scrypt"`, `"kdf":"pbkdf2"`, "kdfparams.prf"},
		{`"kdf":"scrypt"`, `"kdf":"none"`, "kdf: scrypt or pbkdf2"},
		{`"version":3`, `"version":1`, "keystore.version: 3, got 1"},
		{`"iv":"`, `"iv":"00`, "cipherparams.iv"},
		{`{`, `[`, "not its JSON"},
	} {
		bad := bytes.Replace(good, []byte(c.old), []byte(c.with), 1)
		if bytes.Equal(bad, good) {
			t.Fatalf("%s is not in the file", c.old)
		}
		var field *protocol.FieldError
		if _, err := OpenKeystore(bad, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", c.with, err, errors.As(err, &field))
		}
	}
	if _, err := OpenKeystore(make([]byte, MaxFileBytes+1), ""); err == nil || !strings.Contains(err.Error(), "at most 65536 bytes") {
		t.Errorf("too long: %v", err)
	}
}

func TestSealedPhrase(t *testing.T) {
	const phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
	b, err := SealPhrase(phrase, "")
	if err != nil || bytes.Contains(b, []byte("winner")) {
		t.Fatalf("%s: %v", b, err)
	}
	if got, err := OpenPhrase(b, ""); err != nil || got != phrase {
		t.Fatalf("another phrase: %v", err)
	}
	if _, err := OpenPhrase(b, "other"); !errors.Is(err, ErrPassphrase) {
		t.Fatalf("got %v", err)
	}
	if _, err := OpenPhrase(bytes.Replace(b, []byte("60'"), []byte("61'"), 1), ""); err == nil || !strings.Contains(err.Error(), "phrase file.path") {
		t.Fatalf("got %v", err)
	}
}

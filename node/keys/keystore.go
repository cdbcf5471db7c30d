package keys

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/accounts/keystore"

	"github.com/rerig/rerig/protocol"
)

// ErrPassphrase is a passphrase that does not open a file.
var ErrPassphrase = errors.New("wrong passphrase")

// MaxFileBytes is the most that a key's or a phrase's file may have.
const MaxFileBytes = 64 << 10

// Limits on the work that a file may ask for before anybody knows the passphrase:
// four times what geth writes.
const (
	maxScrypt = 1 << 30 // bytes filled: 128 × n × r × p
	maxRounds = 10_000_000
)

// container is what geth's keystore v3 and our phrase file have in common.
type container struct {
	Version int                 `json:"version"`
	Path    string              `json:"path,omitempty"` // phrases only
	Crypto  keystore.CryptoJSON `json:"crypto"`
}

// OpenKeystore decrypts a keystore of version 3 of any program. A passphrase that
// does not fit is ErrPassphrase.
func OpenKeystore(file []byte, passphrase string) (*protocol.Key, error) {
	c, err := parse(file)
	if err != nil {
		return nil, err
	}
	if c.Version != 3 {
		return nil, &protocol.FieldError{Field: "keystore.version", Limit: "3", Got: fmt.Sprint(c.Version)}
	}
	scalar, err := open(c, passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(scalar)
	if len(scalar) > 32 {
		return nil, errors.New("keystore: what it holds is not a secp256k1 key")
	}
	var full [32]byte // some programs leave leading zeros away
	defer clear(full[:])
	copy(full[32-len(scalar):], scalar)
	return protocol.KeyFromBytes(full[:])
}

// SealPhrase encrypts a phrase as a keystore encrypts a key. Without a passphrase
// there is nothing to guess, so nothing is slowed down.
func SealPhrase(phrase, passphrase string) ([]byte, error) {
	n, p := keystore.StandardScryptN, keystore.StandardScryptP
	if passphrase == "" {
		n, p = keystore.LightScryptN, keystore.LightScryptP
	}
	sealed, err := keystore.EncryptDataV3([]byte(phrase), []byte(passphrase), n, p)
	if err != nil {
		return nil, fmt.Errorf("encrypt phrase: %w", err)
	}
	return json.Marshal(container{Version: 3, Path: Path, Crypto: sealed})
}

// OpenPhrase is the reverse of SealPhrase; a passphrase that does not fit is
// ErrPassphrase.
func OpenPhrase(file []byte, passphrase string) (string, error) {
	c, err := parse(file)
	if err != nil {
		return "", err
	}
	if c.Path != Path {
		return "", &protocol.FieldError{Field: "phrase file.path", Limit: Path, Got: c.Path}
	}
	phrase, err := open(c, passphrase)
	if err != nil {
		return "", err
	}
	return ParsePhrase(string(phrase))
}

func parse(file []byte) (container, error) {
	var c container
	if len(file) > MaxFileBytes {
		return c, &protocol.FieldError{Field: "keystore", Limit: fmt.Sprintf("at most %d bytes", MaxFileBytes), Got: fmt.Sprint(len(file))}
	}
	if err := json.Unmarshal(file, &c); err != nil {
		return c, fmt.Errorf("keystore: not its JSON: %w", err)
	}
	return c, nil
}

func open(c container, passphrase string) ([]byte, error) {
	if err := checkKDF(&c.Crypto); err != nil {
		return nil, err
	}
	plain, err := keystore.DecryptDataV3(c.Crypto, passphrase)
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	return plain, nil
}

// checkKDF refuses what the keystore package would panic over or work on for hours.
func checkKDF(c *keystore.CryptoJSON) error {
	refuse := func(field, limit string, got any) error {
		return &protocol.FieldError{Field: "keystore.crypto." + field, Limit: limit, Got: fmt.Sprint(got)}
	}
	number := func(name string, limit float64) error {
		v, ok := c.KDFParams[name].(float64)
		if !ok || v < 1 || v > limit || v != float64(int64(v)) {
			return refuse("kdfparams."+name, fmt.Sprintf("a whole number from 1 to %.0f", limit), c.KDFParams[name])
		}
		return nil
	}
	if _, ok := c.KDFParams["salt"].(string); !ok {
		return refuse("kdfparams.salt", "hexadecimal text", "none")
	}
	if err := number("dklen", 64); err != nil || c.KDFParams["dklen"] != float64(32) {
		return refuse("kdfparams.dklen", "32", c.KDFParams["dklen"])
	}
	if len(c.CipherParams.IV) != 32 {
		return refuse("cipherparams.iv", "16 bytes", len(c.CipherParams.IV)/2)
	}
	switch c.KDF {
	case "scrypt":
		if err := errors.Join(number("n", maxScrypt), number("r", maxScrypt), number("p", maxScrypt)); err != nil {
			return err
		}
		work := 128.0
		for _, factor := range []string{"n", "r", "p"} {
			work *= c.KDFParams[factor].(float64)
		}
		if work > maxScrypt {
			return refuse("kdfparams", "scrypt that fills at most 1 GiB", fmt.Sprintf("%.0f bytes", work))
		}
	case "pbkdf2":
		if _, ok := c.KDFParams["prf"].(string); !ok {
			return refuse("kdfparams.prf", "hmac-sha256", "none")
		}
		return number("c", maxRounds)
	default:
		return refuse("kdf", "scrypt or pbkdf2", c.KDF)
	}
	return nil
}

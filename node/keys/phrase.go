// Package keys makes and reads what a key is kept in outside the node's own file
// (SPEC §2.1): recovery phrases of BIP-39, of which BIP-32 derives the key, and
// keystores of other programs. Start with [NewPhrase] and [FromPhrase].
//
// No error of this package holds a word of a phrase, a passphrase or a key.
package keys

import (
	"errors"
	"fmt"
	"strings"

	"github.com/decred/dcrd/hdkeychain/v3"
	"github.com/tyler-smith/go-bip39"

	"github.com/rerig/rerig/protocol"
)

// Path is where in the tree of a phrase the key is: the first account of Ethereum,
// as other wallets show it.
const Path = "m/44'/60'/0'/0/0"

const (
	hardened   = hdkeychain.HardenedKeyStart
	phraseBits = 256 // entropy of a new phrase: 24 words

	// MaxPhraseBytes is more than 24 of the longest words.
	MaxPhraseBytes = 512
)

// keyPath is Path for a machine.
var keyPath = []uint32{hardened + 44, hardened + 60, hardened, 0, 0}

// NewPhrase draws a phrase of 24 English words.
func NewPhrase() (string, error) {
	entropy, err := bip39.NewEntropy(phraseBits)
	if err != nil {
		return "", fmt.Errorf("draw phrase: %w", err)
	}
	phrase, err := bip39.NewMnemonic(entropy)
	if err != nil {
		return "", errors.New("draw phrase: the entropy has no words") // without the cause: it could hold it
	}
	return phrase, nil
}

// ParsePhrase brings typed words into their one form and checks them: 12 to 24
// English words of BIP-39 whose checksum is right.
func ParsePhrase(text string) (string, error) {
	if len(text) > MaxPhraseBytes {
		return "", &protocol.FieldError{Field: "phrase", Limit: fmt.Sprintf("at most %d bytes", MaxPhraseBytes), Got: fmt.Sprint(len(text))}
	}
	words := strings.Fields(strings.ToLower(text))
	if n := len(words); n < 12 || n > 24 || n%3 != 0 {
		return "", &protocol.FieldError{Field: "phrase", Limit: "12, 15, 18, 21 or 24 words", Got: fmt.Sprint(n)}
	}
	for i, word := range words {
		if _, known := bip39.GetWordIndex(word); !known {
			return "", fmt.Errorf("phrase: word %d is not in the English list of BIP-39; check its spelling", i+1)
		}
	}
	phrase := strings.Join(words, " ")
	if _, err := bip39.EntropyFromMnemonic(phrase); err != nil {
		return "", errors.New("phrase: its checksum is wrong; check the words and their order")
	}
	return phrase, nil
}

// FromPhrase derives the key at Path from a phrase that ParsePhrase returned.
func FromPhrase(phrase string) (*protocol.Key, error) {
	return derive(bip39.NewSeed(phrase, ""), keyPath)
}

// derive walks down BIP-32's tree. Indices that give no key are not skipped: for
// the paths in use they have a chance of one in 2^127.
func derive(seed []byte, path []uint32) (*protocol.Key, error) {
	node, err := hdkeychain.NewMaster(seed, versions{})
	if err != nil {
		return nil, errors.New("derive key: the seed gives no key")
	}
	defer func() { node.Zero() }()
	for _, index := range path {
		child, err := node.ChildBIP32Std(index) // the plain Child drops leading zeros
		if err != nil {
			return nil, errors.New("derive key: the phrase gives no key")
		}
		node.Zero()
		node = child
	}
	scalar, err := node.SerializedPrivKey()
	if err != nil {
		return nil, errors.New("derive key: the phrase gives no key")
	}
	defer clear(scalar)
	return protocol.KeyFromBytes(scalar)
}

// versions are the prefixes of serialised extended keys, which are never written.
type versions struct{}

// HDPrivKeyVersion is "xprv".
func (versions) HDPrivKeyVersion() [4]byte { return [4]byte{0x04, 0x88, 0xad, 0xe4} }

// HDPubKeyVersion is "xpub".
func (versions) HDPubKeyVersion() [4]byte { return [4]byte{0x04, 0x88, 0xb2, 0x1e} }

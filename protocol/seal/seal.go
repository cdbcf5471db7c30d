// Package seal encrypts a private job's files so that only who has the job's key reads
// them (SPEC §5.5): what lies in a store, in a cache or on the wire, and what a CID
// names, is ciphertext. Begin with NewKey, NewSealer and NewOpener.
//
// A sealed file is a random salt of 32 bytes and then chunks. The file's own key is
// HKDF-SHA256(job key, salt, "rerig sealed file 1"); a chunk is AES-256-GCM under it with
// the nonce counter(11) ‖ last(1), which is STREAM (Hoang, Reyhanitabar, Rogaway and
// Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015)
// as the age format has it. Every chunk ends at a multiple of 1 MiB, so that one leaf of
// the file's DAG opens by itself.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes in bytes.
const (
	KeyBytes   = 32
	SaltBytes  = 32      // at the beginning of a sealed file
	TagBytes   = 16      // at the end of each chunk
	ChunkBytes = 1 << 20 // of a sealed file with its salt, the last one less

	fileKeyInfo = "rerig sealed file 1"
	plainBytes  = ChunkBytes - TagBytes
)

// ErrOpen says that sealed bytes do not open: another key's, changed, cut short or put
// in another order.
var ErrOpen = errors.New("sealed content does not open with this job's key")

// Key is a job's key. It does not print.
type Key [KeyBytes]byte

// NewKey draws a key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // it never fails: the program ends instead
	return k
}

// IsZero tells that there is no key.
func (k Key) IsZero() bool { return k == Key{} }

// String tells nothing.
func (Key) String() string { return "[sealing key]" }

// GoString tells nothing.
func (Key) GoString() string { return "[sealing key]" }

// MarshalText tells nothing; JSON asks it.
func (Key) MarshalText() ([]byte, error) { return []byte("[sealing key]"), nil }

// Format tells nothing, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[sealing key]")) }

// Size is the size of a sealed file of so many bytes.
func Size(plain uint64) uint64 {
	chunks := max(1, (plain+SaltBytes+plainBytes-1)/plainBytes)
	return SaltBytes + plain + chunks*TagBytes
}

// PlainSize is the size of what a sealed file of so many bytes holds. No file is sealed
// to a size that it refuses (ErrOpen).
func PlainSize(sealed uint64) (uint64, error) {
	chunks := max(1, (sealed+ChunkBytes-1)/ChunkBytes)
	if sealed < SaltBytes+chunks*TagBytes {
		return 0, fmt.Errorf("%w: %d bytes are too few", ErrOpen, sealed)
	}
	plain := sealed - SaltBytes - chunks*TagBytes
	if Size(plain) != sealed {
		return 0, fmt.Errorf("%w: no file is sealed to %d bytes", ErrOpen, sealed)
	}
	return plain, nil
}

// plainLen is what a whole chunk holds; the salt shortens the first.
func plainLen(chunk uint64) int {
	if chunk == 0 {
		return plainBytes - SaltBytes
	}
	return plainBytes
}

// fileAEAD is the cipher of one file.
func fileAEAD(key Key, salt []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, key[:], salt, fileKeyInfo, KeyBytes)
	if err != nil {
		return nil, fmt.Errorf("derive file key: %w", err)
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("file cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

func nonce(chunk uint64, last bool) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint64(n[3:11], chunk)
	if last {
		n[11] = 1
	}
	return n
}

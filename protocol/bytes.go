package protocol

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Address is a 20-byte chain address; the zero address is the native token
// where a token is named and "nobody" elsewhere.
type Address [20]byte

// Hash is 32 bytes: a digest, a job ID, a channel ID.
type Hash [32]byte

// Signature is a 64-byte EIP-2098 compact signature: r, then s with the
// recovery bit in its top bit. s is always in the lower half order (SPEC §2.3).
type Signature [64]byte

// PublicKey is a compressed secp256k1 public key. A peer ID and an address both
// derive from it (SPEC §2.1).
type PublicKey [33]byte

// String is the address in 0x-prefixed lower-case hex.
func (a Address) String() string { return "0x" + hex.EncodeToString(a[:]) }

// IsZero reports whether the address is all zero.
func (a Address) IsZero() bool { return a == Address{} }

// MarshalText implements encoding.TextMarshaler as 0x-hex.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts only 0x and 40
// hex digits.
func (a *Address) UnmarshalText(b []byte) error { return unhex("address", a[:], string(b)) }

// ParseAddress reads a 0x-prefixed 20-byte hex address.
func ParseAddress(s string) (a Address, err error) { return a, unhex("address", a[:], s) }

// String is the hash in 0x-prefixed lower-case hex.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// Short is the first four bytes in hex, for people; never parse it.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// IsZero reports whether the hash is all zero.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText implements encoding.TextMarshaler as 0x-hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts only 0x and 64
// hex digits.
func (h *Hash) UnmarshalText(b []byte) error { return unhex("hash", h[:], string(b)) }

// ParseHash reads a 0x-prefixed 32-byte hex hash.
func ParseHash(s string) (h Hash, err error) { return h, unhex("hash", h[:], s) }

// String is the signature in 0x-prefixed lower-case hex.
func (s Signature) String() string { return "0x" + hex.EncodeToString(s[:]) }

// MarshalText implements encoding.TextMarshaler as 0x-hex.
func (s Signature) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Signature) UnmarshalText(b []byte) error { return unhex("signature", s[:], string(b)) }

func unhex(field string, dst []byte, s string) error {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || len(digits) != 2*len(dst) {
		return fieldErr(field, fmt.Sprintf("0x and %d hex digits", 2*len(dst)), s)
	}
	if _, err := hex.Decode(dst, []byte(digits)); err != nil {
		return fieldErr(field, "hex digits only", s)
	}
	return nil
}

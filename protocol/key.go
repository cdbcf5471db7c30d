package protocol

import (
	"crypto/rand"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/sha3"
)

// Signer signs EIP-712 digests with one key. Implementations must be safe for
// concurrent use and never reveal the key.
type Signer interface {
	Address() Address
	Sign(digest Hash) (Signature, error)
}

// Key is a secp256k1 private key: the one identity of a node (SPEC §2.1).
// It prints as its address only, also by value and inside other structures: the
// scalar is behind a function, which no format can look into.
type Key struct {
	priv func() *secp256k1.PrivateKey
	pub  PublicKey
	addr Address
}

// NewKey draws a key from the system's randomness.
func NewKey() (*Key, error) {
	priv, err := secp256k1.GeneratePrivateKeyFromRand(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("draw key: %w", err)
	}
	return keyFrom(priv), nil
}

// KeyFromBytes makes a key of its 32-byte scalar. It refuses zero and values
// not below the group order; the error never holds the bytes.
func KeyFromBytes(b []byte) (*Key, error) {
	if len(b) != 32 {
		return nil, fieldErr("key", "exactly 32 bytes", len(b))
	}
	var s secp256k1.ModNScalar
	if overflow := s.SetByteSlice(b); overflow || s.IsZero() {
		return nil, &FieldError{Field: "key", Limit: "a scalar between 1 and the group order"}
	}
	return keyFrom(secp256k1.NewPrivateKey(&s)), nil
}

func keyFrom(priv *secp256k1.PrivateKey) *Key {
	k := &Key{priv: func() *secp256k1.PrivateKey { return priv }}
	copy(k.pub[:], priv.PubKey().SerializeCompressed())
	k.addr = addressOf(priv.PubKey())
	return k
}

// Bytes is the 32-byte scalar. Only the keystore and libp2p may see it.
func (k *Key) Bytes() []byte { return k.priv().Serialize() }

// Public is the compressed public key.
func (k *Key) Public() PublicKey { return k.pub }

// Address is the chain address of the key.
func (k *Key) Address() Address { return k.addr }

// String is the address, so that a logged key leaks nothing.
func (k Key) String() string { return k.addr.String() }

// GoString is the address, for %#v.
func (k Key) GoString() string { return k.addr.String() }

// Sign makes a deterministic (RFC 6979), low-s EIP-2098 signature of a digest.
func (k *Key) Sign(digest Hash) (Signature, error) {
	c := ecdsa.SignCompact(k.priv(), digest[:], false) // 27+recid ‖ r ‖ s
	var sig Signature
	copy(sig[:], c[1:])
	sig[32] |= (c[0] - 27) << 7
	return sig, nil
}

// Recover returns the public key that made sig over digest. A signature of the
// wrong form is a FieldError.
func Recover(digest Hash, sig Signature) (PublicKey, error) {
	pub, err := recoverKey(digest, sig)
	if err != nil {
		return PublicKey{}, err
	}
	return PublicKey(pub.SerializeCompressed()), nil
}

func recoverKey(digest Hash, sig Signature) (*secp256k1.PublicKey, error) {
	c := make([]byte, 65)
	c[0] = 27 + sig[32]>>7
	copy(c[1:], sig[:])
	c[33] &= 0x7f
	var s secp256k1.ModNScalar
	if overflow := s.SetByteSlice(c[33:]); overflow || s.IsOverHalfOrder() {
		return nil, &FieldError{Field: "signature", Limit: "s in the lower half order"}
	}
	pub, _, err := ecdsa.RecoverCompact(c, digest[:])
	if err != nil {
		return nil, &FieldError{Field: "signature", Limit: "a recoverable secp256k1 signature", Got: err.Error()}
	}
	return pub, nil
}

// Address is the chain address of the public key; an invalid key gives zero.
func (p PublicKey) Address() Address {
	pub, err := secp256k1.ParsePubKey(p[:])
	if err != nil {
		return Address{}
	}
	return addressOf(pub)
}

// CheckSignature reports, naming the field, whether sig over digest is by want.
func CheckSignature(field string, digest Hash, sig Signature, want Address) (PublicKey, error) {
	pub, err := recoverKey(digest, sig)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%s: %w", field, err)
	}
	if got := addressOf(pub); got != want {
		return PublicKey{}, fieldErr(field, "signed by "+want.String(), got)
	}
	return PublicKey(pub.SerializeCompressed()), nil
}

func addressOf(pub *secp256k1.PublicKey) (a Address) {
	sum := Keccak(pub.SerializeUncompressed()[1:])
	copy(a[:], sum[12:])
	return a
}

// Keccak is Ethereum's keccak256 over the concatenation of its arguments.
func Keccak(parts ...[]byte) (h Hash) {
	d := sha3.NewLegacyKeccak256()
	for _, p := range parts {
		d.Write(p)
	}
	d.Sum(h[:0])
	return h
}

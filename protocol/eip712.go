package protocol

import "encoding/binary"

// Domain is the EIP-712 domain of everything Rerig signs: name "Rerig", version
// "1", the chain and the escrow contract (SPEC §2.3). Another chain or contract
// makes another digest, so nothing signed for one can be replayed at another.
type Domain struct {
	ChainID uint64  `cbor:"1,keyasint" json:"chain_id"`
	Escrow  Address `cbor:"2,keyasint" json:"escrow"`
}

var (
	domainType = Keccak([]byte("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"))
	nameHash   = Keccak([]byte("Rerig"))
	verHash    = Keccak([]byte("1"))
)

// Separator is the EIP-712 domain separator.
func (d Domain) Separator() Hash {
	return structHash(domainType, nameHash[:], verHash[:], wordUint(d.ChainID), wordAddr(d.Escrow))
}

// digest is the final EIP-712 digest of a struct hash under the domain.
func (d Domain) digest(structHash Hash) Hash {
	sep := d.Separator()
	return Keccak([]byte{0x19, 0x01}, sep[:], structHash[:])
}

func structHash(typeHash Hash, words ...[]byte) Hash {
	return Keccak(append([][]byte{typeHash[:]}, words...)...)
}

func wordUint(v uint64) []byte {
	w := make([]byte, 32)
	binary.BigEndian.PutUint64(w[24:], v)
	return w
}

func wordAddr(a Address) []byte {
	w := make([]byte, 32)
	copy(w[12:], a[:])
	return w
}

func wordAmount(a Amount) []byte {
	w := a.v.Bytes32()
	return w[:]
}

func wordText(s string) []byte {
	h := Keccak([]byte(s))
	return h[:]
}

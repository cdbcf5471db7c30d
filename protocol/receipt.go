package protocol

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Receipt is the rig's signed statement of work done so far, one per tick and one
// at the end (SPEC §7.3). Each names the digest of the one before it, so that two
// receipts with one sequence number prove a lie.
type Receipt struct {
	Job      Hash   `cbor:"1,keyasint" json:"job"`
	Seq      uint64 `cbor:"2,keyasint" json:"seq"` // from 1
	Units    uint64 `cbor:"3,keyasint" json:"units"`
	Output   Hash   `cbor:"4,keyasint" json:"output"` // OutputHash so far; with Final, ResultRoot
	Trace    Hash   `cbor:"5,keyasint" json:"trace"`  // zero in version 1
	Prev     Hash   `cbor:"6,keyasint" json:"prev"`   // digest of receipt Seq-1; zero for the first
	Final    bool   `cbor:"7,keyasint" json:"final"`
	ExitCode uint32 `cbor:"8,keyasint" json:"exit_code"` // meaningful with Final
}

var receiptType = Keccak([]byte("Receipt(bytes32 job,uint64 seq,uint64 units,bytes32 output,bytes32 trace,bytes32 prev,bool final,uint32 exitCode)"))

// Digest is what the rig signs.
func (r *Receipt) Digest(d Domain) Hash {
	final := uint64(0)
	if r.Final {
		final = 1
	}
	return d.digest(structHash(receiptType, r.Job[:], wordUint(r.Seq), wordUint(r.Units), r.Output[:],
		r.Trace[:], r.Prev[:], wordUint(final), wordUint(uint64(r.ExitCode))))
}

// OutputHash hashes the interleaved output stream of a job: for each chunk its
// file descriptor, length and bytes. Both sides feed it the same chunks.
type OutputHash struct{ h hash.Hash }

// NewOutputHash starts an empty stream.
func NewOutputHash() *OutputHash { return &OutputHash{sha256.New()} }

// Add appends a chunk written to fd (1 or 2).
func (o *OutputHash) Add(fd uint8, data []byte) {
	var head [5]byte
	head[0] = fd
	binary.BigEndian.PutUint32(head[1:], uint32(len(data)))
	o.h.Write(head[:])
	o.h.Write(data)
}

// Sum is the hash of the stream so far.
func (o *OutputHash) Sum() Hash { return Hash(o.h.Sum(nil)) }

// ResultRoot commits a final receipt to the output stream and to the output
// files' CID ("" when there are none).
func ResultRoot(stream Hash, outputsCID string) Hash {
	return sha256.Sum256(append(stream[:], outputsCID...))
}

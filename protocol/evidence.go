package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxEvidence is how many bytes of each kind are kept of one job.
const maxEvidence = 2 << 20

// maxReceiptBytes is more than a signed receipt takes.
const maxReceiptBytes = 1 << 10

// Evidence is what a requester keeps beside a job's record so that the job can be checked
// again later (SPEC §7.8): how its output came in chunks, without which the rig's hash of it
// cannot be made again, and the receipts before the last.
type Evidence struct {
	Job      Hash   `cbor:"1,keyasint"`
	Chunks   []byte `cbor:"2,keyasint"` // fd(1) ‖ length(4) of each
	Receipts []byte `cbor:"3,keyasint"` // frames, each a ReceiptMsg
	Short    bool   `cbor:"4,keyasint"` // there were more than are kept
}

// AddChunk keeps the form of an output chunk.
func (e *Evidence) AddChunk(fd uint8, n int) {
	if len(e.Chunks)+5 > maxEvidence {
		e.Short = true
		return
	}
	e.Chunks = binary.BigEndian.AppendUint32(append(e.Chunks, fd), uint32(n))
}

// AddReceipt keeps a signed receipt.
func (e *Evidence) AddReceipt(m *ReceiptMsg) {
	b, err := Encode(m)
	if err != nil || len(e.Receipts)+4+len(b) > maxEvidence {
		e.Short = true
		return
	}
	e.Receipts = append(binary.BigEndian.AppendUint32(e.Receipts, uint32(len(b))), b...)
}

// Empty tells that there is nothing to keep.
func (e *Evidence) Empty() bool { return len(e.Chunks) == 0 && len(e.Receipts) == 0 && !e.Short }

// ReadEvidence reads what Encode made of an Evidence, from a file that anybody may have changed.
func ReadEvidence(r io.Reader) (*Evidence, error) {
	b, err := io.ReadAll(io.LimitReader(r, 2*maxEvidence+maxReceiptBytes))
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	e := new(Evidence)
	if err := Decode(b, e); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return e, nil
}

// Stream is the hash of the output stream that the two files give in these chunks (§7.3).
// It is an error where the chunks do not come to the files.
func (e *Evidence) Stream(stdout, stderr io.Reader) (Hash, error) {
	h := NewOutputHash()
	buf := make([]byte, MaxOutputChunk)
	for at := e.Chunks; len(at) > 0; at = at[5:] {
		n := uint32(0)
		if len(at) >= 5 {
			n = binary.BigEndian.Uint32(at[1:])
		}
		if n == 0 || n > MaxOutputChunk || at[0] != 1 && at[0] != 2 {
			return Hash{}, errors.New("evidence: a chunk that no rig could have sent")
		}
		if _, err := io.ReadFull(map[byte]io.Reader{1: stdout, 2: stderr}[at[0]], buf[:n]); err != nil {
			return Hash{}, fmt.Errorf("the output is shorter than it came: %w", err)
		}
		h.Add(at[0], buf[:n])
	}
	for _, r := range []io.Reader{stdout, stderr} {
		if n, err := r.Read(buf[:1]); n > 0 || err != io.EOF {
			return Hash{}, errors.New("the output is longer than it came")
		}
	}
	return h.Sum(), nil
}

// CheckChain holds the receipts before the last to §7.3: each by the rig, naming the one
// before, rising, by no more than a tick. It returns how many there are. With Short only as
// far as they are kept, and the last is not held to them.
func (e *Evidence) CheckChain(a *Agreement, job Hash, last *Receipt) (n int, err error) {
	var prev Receipt
	before := Hash{} // digest of prev
	follows := func(r *Receipt) error {
		switch {
		case r.Job != job || e.Job != job:
			return fmt.Errorf("receipt %d is of another job", r.Seq)
		case r.Seq != prev.Seq+1 || r.Prev != before:
			return fmt.Errorf("receipt %d does not name the one before it", r.Seq)
		case r.Units < prev.Units || r.Units == prev.Units && !r.Final || r.Units-prev.Units > a.TickUnits:
			return fmt.Errorf("receipt %d goes from %d to %d units, in ticks of %d", r.Seq, prev.Units, r.Units, a.TickUnits)
		}
		return nil
	}
	for r := bytes.NewReader(e.Receipts); ; n++ {
		b, err := ReadFrame(r, maxReceiptBytes)
		if errors.Is(err, io.EOF) {
			break
		}
		var m ReceiptMsg
		if err == nil {
			err = Decode(b, &m)
		}
		if err != nil {
			return n, fmt.Errorf("receipt %d: %w", n+1, err)
		}
		if err := follows(&m.Receipt); err != nil {
			return n, err
		}
		if _, err := CheckSignature("receipt.signature", m.Receipt.Digest(a.Domain), m.Signature, a.Rig); err != nil {
			return n, fmt.Errorf("receipt %d: %w", n+1, err)
		}
		prev, before = m.Receipt, m.Receipt.Digest(a.Domain)
	}
	if e.Short {
		return n, nil
	}
	return n, follows(last)
}

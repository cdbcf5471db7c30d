package protocol

import "fmt"

// CheckpointFile is the output in which a job keeps what it needs to go on elsewhere, and
// the input in which it finds that (SPEC §5.9).
const CheckpointFile = "checkpoint"

// Checkpoint says that a job's checkpoint was kept and where it is: a directory with
// CheckpointFile alone, sealed as outputs are (rig → requester).
type Checkpoint struct {
	CID  string `cbor:"1,keyasint"`
	Size uint64 `cbor:"2,keyasint"` // bytes of the directory, as outputs are counted
}

// Type implements Message.
func (*Checkpoint) Type() MessageType { return TypeCheckpoint }

func (m *Checkpoint) check() error {
	if m.Size > MaxOutputBytes {
		return fieldErr("checkpoint.size", fmt.Sprintf("at most %d bytes", MaxOutputBytes), m.Size)
	}
	return CheckCID("checkpoint.cid", m.CID)
}

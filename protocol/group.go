package protocol

import "fmt"

// Group is runs that one command has bought together: the tasks of an array, or the ranks of a
// gang. The journal has it before the first of them is bought, so that it outlives the command
// and the node (SPEC §6.6).
type Group struct {
	ID       Hash   `cbor:"1,keyasint" json:"id"`
	Name     string `cbor:"2,keyasint" json:"name,omitempty"`
	Gang     bool   `cbor:"3,keyasint" json:"gang"`
	Size     int    `cbor:"4,keyasint" json:"size"`
	Parallel int    `cbor:"5,keyasint" json:"parallel"`  // runs at once
	FailFast bool   `cbor:"6,keyasint" json:"fail_fast"` // one that fails stops all
	// Kept is an array whose command has left it to the node: the next node of the same
	// directory goes on with what had not begun.
	Kept   bool   `cbor:"7,keyasint" json:"kept"`
	Ended  bool   `cbor:"8,keyasint" json:"ended"`
	Reason Reason `cbor:"9,keyasint" json:"reason,omitempty"` // stopped or restart: why some never began
	Done   int    `cbor:"10,keyasint" json:"done"`            // of an ended one: exited with 0
	Failed int    `cbor:"11,keyasint" json:"failed"`          // of an ended one: the others
	Budget Amount `cbor:"12,keyasint" json:"budget"`          // of all together
	Note   []byte `cbor:"13,keyasint" json:"note,omitempty"`  // what its command wants to find again
	// Created is in unix milliseconds.
	Created uint64 `cbor:"14,keyasint" json:"created"`
}

// GroupMember is one place in a group.
type GroupMember struct {
	Index int    // from 0
	Run   Hash   // zero where it has not begun
	Why   string // it could not be bought
}

// Limits of a group.
const (
	MaxGroupSize     = 10_000  // members
	MaxGroupNote     = 1 << 20 // bytes
	MaxGroupParallel = 256     // runs of one group at once
)

// Check holds the limits.
func (g *Group) Check() error {
	switch {
	case g.Size < 1 || g.Size > MaxGroupSize:
		return &FieldError{Field: "group.size", Limit: fmt.Sprintf("1 to %d", MaxGroupSize), Got: fmt.Sprint(g.Size)}
	case g.Parallel < 1 || g.Parallel > MaxGroupParallel:
		return &FieldError{Field: "group.parallel", Limit: fmt.Sprintf("1 to %d", MaxGroupParallel), Got: fmt.Sprint(g.Parallel)}
	case len(g.Name) > MaxNameBytes:
		return &FieldError{Field: "group.name", Limit: fmt.Sprintf("at most %d bytes", MaxNameBytes), Got: fmt.Sprint(len(g.Name))}
	case len(g.Note) > MaxGroupNote:
		return &FieldError{Field: "group.note", Limit: fmt.Sprintf("at most %d bytes", MaxGroupNote), Got: fmt.Sprint(len(g.Note))}
	}
	return nil
}

package protocol

import "fmt"

// Agreement is what both sides sign before a job begins (SPEC §5.3). Its EIP-712
// digest is the job's ID. The last seven fields serve later parts (audits,
// checkpoints, gangs) and are zero when unused, so that the format does not change.
type Agreement struct {
	Domain     Domain  `cbor:"1,keyasint" json:"domain"`
	Requester  Address `cbor:"2,keyasint" json:"requester"`
	Rig        Address `cbor:"3,keyasint" json:"rig"`
	Channel    Hash    `cbor:"4,keyasint" json:"channel"`
	SpecHash   Hash    `cbor:"5,keyasint" json:"spec_hash"` // digest inside the spec's CID
	Price      Price   `cbor:"6,keyasint" json:"price"`
	TickUnits  uint64  `cbor:"7,keyasint" json:"tick_units"`
	MaxTotal   Amount  `cbor:"8,keyasint" json:"max_total"` // the job's budget
	QuotedAt   uint64  `cbor:"9,keyasint" json:"quoted_at"` // unix milliseconds
	AcceptBy   uint64  `cbor:"10,keyasint" json:"accept_by"`
	Deadline   uint64  `cbor:"11,keyasint" json:"deadline"` // unix milliseconds, end of everything
	Nonce      Hash    `cbor:"12,keyasint" json:"nonce"`    // requester's, makes the ID unique
	Tier       uint8   `cbor:"13,keyasint" json:"tier"`
	ClassHash  Hash    `cbor:"14,keyasint" json:"class_hash"`
	Audit      Hash    `cbor:"15,keyasint" json:"audit_commit"`
	JobSeed    Hash    `cbor:"16,keyasint" json:"job_seed"`
	Checkpoint Hash    `cbor:"17,keyasint" json:"checkpoint"`
	Gang       Hash    `cbor:"18,keyasint" json:"gang"`
	GangRank   uint32  `cbor:"19,keyasint" json:"gang_rank"`
	GangSize   uint32  `cbor:"20,keyasint" json:"gang_size"`
}

const agreementText = "Agreement(address requester,address rig,bytes32 channel,bytes32 specHash,string unit," +
	"uint96 pricePerMillion,uint64 tickUnits,uint96 maxTotal,uint64 quotedAt,uint64 acceptBy,uint64 deadline," +
	"bytes32 nonce,uint8 tier,bytes32 classHash,bytes32 auditCommit,bytes32 jobSeed,bytes32 checkpoint," +
	"bytes32 gang,uint32 gangRank,uint32 gangSize)"

var agreementType = Keccak([]byte(agreementText))

// ID is the agreement's EIP-712 digest: the job ID.
func (a *Agreement) ID() Hash {
	return a.Domain.digest(structHash(agreementType,
		wordAddr(a.Requester), wordAddr(a.Rig), a.Channel[:], a.SpecHash[:], wordText(string(a.Price.Unit)),
		wordAmount(a.Price.PerMillion), wordUint(a.TickUnits), wordAmount(a.MaxTotal),
		wordUint(a.QuotedAt), wordUint(a.AcceptBy), wordUint(a.Deadline), a.Nonce[:], wordUint(uint64(a.Tier)),
		a.ClassHash[:], a.Audit[:], a.JobSeed[:], a.Checkpoint[:], a.Gang[:],
		wordUint(uint64(a.GangRank)), wordUint(uint64(a.GangSize))))
}

// Check applies the rules an agreement must keep whoever made it.
func (a *Agreement) Check() error {
	switch {
	case a.Requester.IsZero() || a.Rig.IsZero():
		return &FieldError{Field: "agreement.requester and rig", Limit: "not zero"}
	case a.Requester == a.Rig:
		return fieldErr("agreement.rig", "another key than the requester's", a.Rig)
	case !a.Price.Unit.Valid():
		return fieldErr("agreement.price.unit", "a unit of SPEC §5.4", a.Price.Unit)
	case a.TickUnits == 0 || a.TickUnits > MaxTickUnits:
		return fieldErr("agreement.tick_units", fmt.Sprintf("1 to %d", uint64(MaxTickUnits)), a.TickUnits)
	case a.AcceptBy < a.QuotedAt || a.AcceptBy-a.QuotedAt > uint64(MaxQuoteLife.Milliseconds()):
		return fieldErr("agreement.accept_by", "within "+MaxQuoteLife.String()+" of quoted_at", a.AcceptBy)
	case a.Deadline < a.AcceptBy:
		return fieldErr("agreement.deadline", "not before accept_by", a.Deadline)
	}
	if a.Price.Buys(a.MaxTotal) == 0 {
		return fieldErr("agreement.max_total", "at least the cost of one unit", a.MaxTotal)
	}
	return nil
}

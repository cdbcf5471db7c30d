package protocol

// Record is everything one side keeps about a job: the lifecycle and the signed
// papers. The journal stores it whole before anything in it is acted on (SPEC §6.6).
type Record struct {
	Job       Job       `cbor:"1,keyasint" json:"job"`
	Name      string    `cbor:"2,keyasint" json:"name,omitempty"`
	Peer      string    `cbor:"3,keyasint" json:"peer"` // libp2p peer ID of the other side
	Spec      []byte    `cbor:"4,keyasint" json:"-"`    // canonical JobSpec bytes
	SpecCID   string    `cbor:"5,keyasint" json:"spec_cid"`
	Agreement Agreement `cbor:"6,keyasint" json:"agreement"`
	Channel   Channel   `cbor:"7,keyasint" json:"channel"`
	Epoch     uint32    `cbor:"8,keyasint" json:"epoch"`
	RigSig    Signature `cbor:"9,keyasint" json:"rig_sig"`
	PayerSig  Signature `cbor:"10,keyasint" json:"payer_sig"`
	Receipt   Receipt   `cbor:"11,keyasint" json:"receipt"` // the last one
	RcptSig   Signature `cbor:"12,keyasint" json:"receipt_sig"`
	Outputs   string    `cbor:"13,keyasint" json:"outputs,omitempty"` // CID
	OutSize   uint64    `cbor:"14,keyasint" json:"outputs_size"`      // bytes
	Created   uint64    `cbor:"15,keyasint" json:"created"`           // unix milliseconds
	Updated   uint64    `cbor:"16,keyasint" json:"updated"`
	Attempt   uint32    `cbor:"17,keyasint" json:"attempt"` // from 1; rigs tried for this run
	Run       Hash      `cbor:"18,keyasint" json:"run"`     // groups the attempts of one `rerig run`
	// What the rig committed to beside Outputs, and what came of it, for SPEC §7.8. A
	// requester has both of jobs with a result.
	Stream Hash   `cbor:"19,keyasint,omitzero" json:"stream,omitzero"`  // of stdout and stderr
	Files  string `cbor:"20,keyasint,omitempty" json:"files,omitempty"` // CID of the opened files, where Outputs is of sealed ones
}

package protocol

// ChannelState is a channel as the escrow holds it (SPEC §7.1).
type ChannelState struct {
	Funded   Amount `cbor:"1,keyasint" json:"funded"`  // base units put in during this epoch
	Claimed  Amount `cbor:"2,keyasint" json:"claimed"` // base units already paid out of it
	Epoch    uint32 `cbor:"3,keyasint" json:"epoch"`
	ClosesAt uint64 `cbor:"4,keyasint" json:"closes_at"` // unix seconds; 0 while open
}

// Balances is what an address has, in the market's token unless said otherwise.
type Balances struct {
	Native  Amount `json:"native"`  // wei, for gas
	Wallet  Amount `json:"wallet"`  // tokens outside the escrow
	Account Amount `json:"account"` // tokens in the escrow, free to withdraw
}

// TxStatus says where a transaction stands.
type TxStatus string

// Transaction states.
const (
	TxPending   TxStatus = "pending"
	TxConfirmed TxStatus = "confirmed"
	TxFailed    TxStatus = "failed"   // mined and reverted
	TxReplaced  TxStatus = "replaced" // another transaction took its nonce
)

// Mined reports whether the transaction is in a block.
func (s TxStatus) Mined() bool { return s == TxConfirmed || s == TxFailed }

// Tx is a transaction this node sent. It is journaled before it is broadcast, so
// that a restart rebroadcasts instead of paying twice.
type Tx struct {
	Hash    Hash     `json:"hash"`
	From    Address  `json:"from"`
	ChainID uint64   `json:"chain_id"`
	Nonce   uint64   `json:"nonce"`
	Kind    string   `json:"kind"`   // "deposit", "open", "redeem", …
	Detail  string   `json:"detail"` // for people: amounts, channel
	Raw     []byte   `json:"-"`      // signed bytes
	Status  TxStatus `json:"status"`
	GasUsed uint64   `json:"gas_used"`
	Fee     Amount   `json:"fee"` // wei
	Block   uint64   `json:"block"`
	Created uint64   `json:"created"` // unix milliseconds
}

// Restarted is the job after a restart of its node: a job that was under way is
// over, with what was receipted and paid by then (SPEC §6.6).
func (j Job) Restarted() Job {
	if j.Ended {
		return j
	}
	s := &step{Job: j}
	switch {
	case j.Role == RoleRig && j.State == StateFinished && !j.Paid.Less(j.Due):
		s.end(StateSettled, s.Reason, s.Detail)
	case j.State == StateVerified:
		s.end(StateVerified, s.orNoSettle(), "node restarted before the rig confirmed the final voucher")
	default:
		s.end(StateFailed, ReasonRestart, "node restarted in "+string(j.State))
	}
	return s.Job
}

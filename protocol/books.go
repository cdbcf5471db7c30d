package protocol

// InChannel is a channel that pays this node (SPEC §7.2). Best is its highest
// voucher of this epoch, zero before the first; Credited is what the jobs of this
// epoch were paid in all, Reserved what those under way may still earn. Base units
// of the channel's token.
type InChannel struct {
	Domain   Domain
	Channel  Channel
	State    ChannelState
	Best     SignedVoucher
	Credited Amount
	Reserved Amount
}

// OutChannel is a channel that this node pays from (SPEC §7.2). Promised is what
// its vouchers of this epoch grant in all; Reserved is what the jobs under way
// may still ask for. Base units of the channel's token.
type OutChannel struct {
	Domain   Domain
	Channel  Channel
	State    ChannelState
	Promised Amount
	Reserved Amount
}

// Payment is what vouchers have paid for one job: Paid base units out of a channel's
// epoch.
type Payment struct {
	Job     Hash
	Channel Hash
	Epoch   uint32
	Paid    Amount
	Updated uint64 // unix milliseconds of the job's last record; 0 where there is none
}

// Books are both sides' channels and what was paid through them, as of one moment.
type Books struct {
	Out     []OutChannel
	In      []InChannel
	PaidOut []Payment // oldest first
	PaidIn  []Payment
}

// Redemption is a voucher to be paid out, with the channel it is for.
type Redemption struct {
	Channel Channel
	Voucher SignedVoucher
}

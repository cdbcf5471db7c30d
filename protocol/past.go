package protocol

// EventKind is what an EscrowEvent says happened.
type EventKind string

// The kinds of events: of the token, of accounts, of channels and of bonds.
const (
	EventReceived     EventKind = "received"  // Amount of the token came from From to To
	EventSent         EventKind = "sent"      // the same, of an address that is both watched and From
	EventDeposited    EventKind = "deposited" // To's account got Amount
	EventWithdrawn    EventKind = "withdrawn" // Amount left From's account for To
	EventFunded       EventKind = "funded"    // Amount went from the payer's account into Channel
	EventRedeemed     EventKind = "redeemed"  // the payee's account got Amount out of Channel
	EventCloseRequest EventKind = "close_requested"
	EventClosed       EventKind = "closed"   // the payer's account got Amount back out of Channel
	EventBonded       EventKind = "bonded"   // Amount went from From's account into a bond
	EventReleased     EventKind = "released" // and back to To's
	EventSlashed      EventKind = "slashed"  // a bond's Amount went to To's account
)

// EscrowEvent is one movement of the token, as the chain's logs have it. Amounts are
// base units.
type EscrowEvent struct {
	Kind     EventKind
	Block    uint64
	Time     uint64 // unix seconds
	Tx       Hash
	Index    uint // in the block
	From, To Address
	Amount   Amount
	ID       Hash         // of the channel or bond
	Channel  Channel      // of a channel's events
	State    ChannelState // what the channel was then
}

// Past is what the logs say of some addresses up to a block.
type Past struct {
	Block    uint64
	Events   []EscrowEvent         // oldest first
	Channels map[Hash]Channel      // every channel that an event is of
	States   map[Hash]ChannelState // what they are at Block, by the events
}

// Position is what an address has at one block, from the chain's state and not from
// its logs.
type Position struct {
	Native  Amount // wei
	Wallet  Amount // tokens of its own
	Account Amount // tokens in the escrow's account
	Nonce   uint64 // transactions it has sent
}
